#include "runner/user_program.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/strings.h"
#include "toolkit/frameworks.h"
#include "toolkit/python.h"

namespace clary::runner {
namespace fs = std::filesystem;
namespace {

constexpr char kSystemPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

void AddReach(std::vector<Reach>& to, const Result<Reach>& one) {
  if (!one) return;
  const bool there = std::ranges::any_of(
      to, [&](const Reach& r) { return r.host == one->host && r.port == one->port; });
  if (!there) to.push_back(*one);
}

// The service's URL as the program knows it.
std::string EndpointInside(const UserProgram& spec) {
  const Network network = NetworkOf(spec);
  if (spec.endpoint.empty() || network == Network::kNone) return "";
  const auto reach = ParseReach(spec.endpoint);
  if (network == Network::kHost || !reach) return spec.endpoint;
  return "http://127.0.0.1:" + std::to_string(reach->port);
}

}  // namespace

bool IsUserProgram(const api::JobSpec& spec) {
  return spec.program == "command" || spec.program == "script";
}

UserProgram UserProgramOf(const api::JobSpec& spec) {
  UserProgram user = {.region = spec.region,
                      .network_isolation = spec.network_isolation,
                      .network = spec.network,
                      .endpoint = spec.endpoint,
                      .contact = spec.contact,
                      .ca_bundle = spec.ca_bundle,
                      .cache = spec.cache,
                      .credentials = spec.credentials,
                      .python = spec.python,
                      .cpus = spec.cpus,
                      .host = spec.current_host(),
                      .hosts = spec.hosts,
                      .environment = spec.environment};
  if (spec.contract == "training") {
    user.environment.emplace("TRAINING_JOB_NAME", spec.job_name);
    user.environment.emplace("TRAINING_JOB_ARN", spec.job_arn);
  }
  return user;
}

Network NetworkOf(const UserProgram& spec) {
  if (spec.network_isolation || spec.network == "none") return Network::kNone;
  return spec.network == "open" ? Network::kHost : Network::kForwarded;
}

Result<Reach> ParseReach(std::string_view url) {
  const auto bad = [&] {
    return Fail(Code::kInvalidArgument, "BadUrl",
                "\"" + std::string(url) + "\" is no URL of the form http://host:port/path");
  };
  uint64_t port = 80;
  std::string_view rest = url;
  if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
    port = 443;
  } else {
    return bad();
  }
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (const size_t at = rest.rfind('@'); at != std::string_view::npos) rest.remove_prefix(at + 1);
  if (const size_t colon = rest.rfind(':'); colon != std::string_view::npos) {
    const auto given = ParseUint(rest.substr(colon + 1));
    if (!given || *given == 0 || *given > 65535) return bad();
    port = *given;
    rest = rest.substr(0, colon);
  }
  // It becomes a line of /etc/hosts.
  const bool plain = std::ranges::all_of(rest, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_';
  });
  if (rest.empty() || rest.size() > 253 || !plain) return bad();
  return Reach{std::string(rest), static_cast<uint16_t>(port)};
}

Result<Reach> ServiceReach(const fs::path& contact) {
  CLARY_TRY(const std::string text, ReadFile(contact, 1 << 16));
  const auto doc = nlohmann::json::parse(text, nullptr, false);
  const auto endpoint = doc.is_object() ? doc.find("endpoint") : doc.end();
  if (endpoint == doc.end() || !endpoint->is_string()) {
    return Fail(Code::kDataLoss, "BadContact", contact.string() + " names no endpoint");
  }
  return ParseReach(endpoint->get<std::string>());
}

std::vector<Reach> ReachOf(const UserProgram& spec) {
  std::vector<Reach> out;
  if (NetworkOf(spec) != Network::kForwarded) return out;
  if (!spec.endpoint.empty()) {
    auto service = ParseReach(spec.endpoint);
    if (service) {
      service->host = "127.0.0.1";
      service->service = true;
    }
    AddReach(out, service);
  }
  for (const char* name : {"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"}) {
    const auto it = spec.python.pip.find(name);
    if (it == spec.python.pip.end()) continue;
    for (const std::string_view url : Split(it->second, ' ')) {
      const auto one = ParseReach(url);
      AddReach(out, one);
      // Whose index names files of another host.
      if (one && one->host == "pypi.org") AddReach(out, Reach{"files.pythonhosted.org", one->port});
    }
  }
  return out;
}

Result<std::unique_ptr<net::Forwarder>> Forward(const ProgramSpec& spec, Program& program,
                                                const fs::path& contact) {
  std::vector<net::Forwarder::Route> routes;
  for (Fd& listener : program.TakeListeners()) {
    const Reach& reach = spec.reach[routes.size()];
    routes.push_back({std::move(listener), reach.host, std::to_string(reach.port)});
    if (!reach.service || contact.empty()) continue;
    routes.back().moved = [contact](std::string& host, std::string& port) {
      const auto now = ServiceReach(contact);
      if (!now) return;
      host = now->host;
      port = std::to_string(now->port);
    };
  }
  return net::Forwarder::Start(std::move(routes));
}

namespace {

// Folders of the host where the operator keeps packages for pip, which the program must see.
std::vector<std::string> LocalPackages(const UserProgram& spec) {
  std::vector<std::string> out;
  for (const char* name : {"PIP_FIND_LINKS", "PIP_CERT"}) {
    const auto it = spec.python.pip.find(name);
    if (it == spec.python.pip.end()) continue;
    for (std::string_view part : Split(it->second, ' ')) {
      if (part.starts_with("file://")) part.remove_prefix(7);
      if (part.starts_with('/')) out.emplace_back(part);
    }
  }
  return out;
}

}  // namespace

bool ReachesPackages(const UserProgram& spec) {
  if (NetworkOf(spec) == Network::kHost) return true;
  if (spec.python.pip.contains("PIP_FIND_LINKS")) return true;
  return std::ranges::any_of(ReachOf(spec), [](const Reach& r) { return !r.service; });
}

std::map<std::string, std::string> UserEnvironment(const UserProgram& spec, bool python) {
  std::map<std::string, std::string> env = {
      {"PATH", kSystemPath},     {"HOME", "/root"},      {"USER", "root"},
      {"LOGNAME", "root"},       {"LANG", "C.UTF-8"},    {"HOSTNAME", spec.host},
      {"PYTHONUNBUFFERED", "1"}, {"SHELL", "/bin/bash"}, {"PIP_ROOT_USER_ACTION", "ignore"},
      {"PIP_NO_INPUT", "1"}};
  if (python) {
    env["PATH"] =
        std::string(toolkit::kPythonHome) + "/bin:" + toolkit::kLayerHome + "/bin:" + kSystemPath;
    env["PYTHONDONTWRITEBYTECODE"] = "1";
  }
  if (const auto* framework = toolkit::FindFramework(spec.python.framework); framework && python) {
    for (const auto& [name, value] : toolkit::ImageVariables(*framework)) env[name] = value;
  }
  for (const std::string& variable : spec.python.container.environment) {
    const size_t equals = variable.find('=');
    if (equals != std::string::npos && equals > 0) {
      env[variable.substr(0, equals)] = variable.substr(equals + 1);
    }
  }
  env["AWS_REGION"] = env["AWS_DEFAULT_REGION"] = spec.region;
  env["AWS_EC2_METADATA_DISABLED"] = "true";
  if (spec.cpus > 0) env["OMP_NUM_THREADS"] = std::to_string(spec.cpus);
  if (const std::string endpoint = EndpointInside(spec); !endpoint.empty()) {
    env["AWS_ENDPOINT_URL"] = endpoint;
    env["S3_ENDPOINT_URL"] = endpoint;
    const api::JobCredentials& keys = spec.credentials;
    if (!keys.access_key_id.empty()) {
      env["AWS_ACCESS_KEY_ID"] = keys.access_key_id;
      env["AWS_SECRET_ACCESS_KEY"] = keys.secret_access_key;
      if (!keys.session_token.empty()) env["AWS_SESSION_TOKEN"] = keys.session_token;
    }
    // SDKs ask https://sts.<region>.amazonaws.com whatever the endpoint is: as a proxy the service
    // answers for it. Package indexes are reached without it.
    if (NetworkOf(spec) == Network::kForwarded && !spec.ca_bundle.empty()) {
      env["AWS_CA_BUNDLE"] = kCaBundleInside;
      std::string direct = "localhost,127.0.0.1,::1";
      for (const std::string& host : spec.hosts) direct += "," + host;
      for (const Reach& reach : ReachOf(spec)) {
        if (!reach.service) direct += "," + reach.host;
      }
      // Both spellings, and neither beside one of the request's own.
      const auto set = [&](const char* upper, const char* lower, const std::string& value) {
        if (spec.environment.contains(upper) || spec.environment.contains(lower)) return;
        env[upper] = env[lower] = value;
      };
      set("HTTPS_PROXY", "https_proxy", endpoint);
      set("NO_PROXY", "no_proxy", direct);
    }
  }
  if (!spec.cache.empty()) {
    env["SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY"] = kCacheInside;
    env["PIP_CACHE_DIR"] = std::string(kCacheInside) + "/pip";
  }
  if (!ReachesPackages(spec)) env["PIP_RETRIES"] = "0";  // it would ask in vain for half a minute
  for (const auto& [name, value] : spec.python.pip) env[name] = value;
  for (const auto& [name, value] : spec.environment) env[name] = value;
  return env;
}

std::vector<std::string> EnvironmentList(const std::map<std::string, std::string>& environment) {
  std::vector<std::string> out;
  out.reserve(environment.size());
  for (const auto& [name, value] : environment) {
    // A NUL would end the variable early and could hide another one behind it.
    if (value.find('\0') == std::string::npos) out.push_back(name + "=" + value);
  }
  return out;
}

std::vector<std::string> PythonNotes(const api::PythonSpec& python) {
  if (python.environment.empty()) return {};
  if (!python.container.root.empty()) return {"[clary] Container " + python.environment};
  std::vector<std::string> out = {"[clary] Python environment " + python.environment + " (" +
                                  python.interpreter + ")"};
  for (const std::string& note : python.notes) out.push_back("[clary] NOTE: " + note);
  return out;
}

std::string DriverNote(const fs::path& work, size_t hosts) {
  const auto text = ReadFile(work / "input/data/sm_drivers/distributed.json", 1 << 20);
  if (!text || hosts < 2) return {};
  const auto doc = nlohmann::json::parse(*text, nullptr, false);
  if (!doc.is_object() || !doc.contains("mpi_additional_options")) return {};
  const auto& options = doc["mpi_additional_options"];
  for (const auto& option : options) {
    for (const char* one :
         {"-np", "-n", "--np", "-map-by", "--map-by", "-npernode", "--npernode"}) {
      if (option == one) return {};
    }
  }
  const auto count = doc.find("process_count_per_node");
  int64_t processes = 1;
  if (count != doc.end() && count->is_number_integer()) {
    processes = std::max<int64_t>(count->get<int64_t>(), 1);
  }
  return "[clary] NOTE: the SDK's MPI driver starts " + std::to_string(processes) +
         " processes in all, not on each host; give MPI(mpi_additional_options=[\"-np\", \"" +
         std::to_string(processes * static_cast<int64_t>(hosts)) + "\"]) for all hosts";
}

void AddUserProgram(const UserProgram& user, const fs::path& python, const fs::path& layer,
                    ProgramSpec& program) {
  program.env = EnvironmentList(UserEnvironment(user, !python.empty()));
  program.input_read_only = false;
  program.reach = ReachOf(user);
  program.directory = "/";
  for (const std::string& folder : user.python.folders) program.shown.push_back({folder, folder});
  for (const std::string& folder : LocalPackages(user)) program.shown.push_back({folder, folder});
  if (!user.cache.empty()) program.shown.push_back({user.cache, kCacheInside, true});
  if (!user.ca_bundle.empty()) program.shown.push_back({user.ca_bundle, kCaBundleInside});
  if (python.empty()) return;
  program.shown.push_back({python, toolkit::kPythonHome, true});
  if (!layer.empty()) program.shown.push_back({layer, toolkit::kLayerHome});
}

Requirements::Requirements(const UserProgram& user, const toolkit::Python& python,
                           std::string_view text)
    : installer_(user), python_(python) {
  // Packages for others depend on nothing of this program but the file and pip's settings.
  const bool variables = text.find("${") != std::string_view::npos;
  if (!variables) {
    std::erase_if(installer_.environment,
                  [](const auto& e) { return !e.first.starts_with("PIP_"); });
  }
  auto settings = user.python.pip;
  for (const auto& [name, value] : installer_.environment) {
    if (name.starts_with("PIP_")) settings[name] = value;
  }
  layer_ = toolkit::LayerOf(python, text, settings);
  if (layer_.cacheable && !variables) shared_ = user.python.layers;
}

std::optional<toolkit::HeldLayer> Requirements::Ready() const {
  if (shared_.empty()) return std::nullopt;
  return toolkit::LayerCache(shared_).Find(layer_.key);
}

Status Requirements::Prepare(const fs::path& layer, ProgramSpec& installer) const {
  CLARY_CHECK_OK(RemoveTree(layer));
  CLARY_CHECK_OK(MakeDirectories(layer));
  CLARY_CHECK_OK(toolkit::MakePythonHome({.python = python_}, layer));
  AddUserProgram(installer_, layer, {}, installer);
  installer.argv = layer_.argv;
  return {};
}

toolkit::HeldLayer Requirements::Keep(const fs::path& layer) const {
  if (!shared_.empty()) {
    if (auto held = toolkit::LayerCache(shared_).Add(layer_.key, layer)) return *std::move(held);
  }
  return {.path = layer, .lock = Fd()};
}

}  // namespace clary::runner
