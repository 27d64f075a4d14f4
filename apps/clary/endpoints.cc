// deploy, endpoints, models: what serves, as `clary jobs` is what trains.
#include "endpoints.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/strings.h"
#include "clary/training_job.h"
#include "options.h"
#include "terminal.h"

namespace clary::cli {
namespace {

using nlohmann::json;

constexpr int kPage = 100;
constexpr size_t kMostOfARow = 64 << 10;

struct DeployCommand {
  std::string job;
  DeployOptions options{.update_endpoint = true};
  std::vector<std::string> environment;  // NAME=value
};

Result<json> Ask(const Session& session, const char* operation, const json& input) {
  CLARY_TRY(const std::string answer, session.request(operation, input.dump()));
  return json::parse(answer, nullptr, false);
}

int64_t Millis(const json& object, const char* name) {
  return static_cast<int64_t>(object.value(name, 0.0) * 1000);
}

// All elements of a List operation, at most `limit`.
Result<json> ListAll(const Session& session, const char* operation, const char* member,
                     size_t limit) {
  json out = json::array();
  json input = {{"MaxResults", kPage}};
  while (out.size() < limit) {
    CLARY_TRY(const json page, Ask(session, operation, input));
    for (const json& one : page.at(member)) {
      if (out.size() < limit) out.push_back(one);
    }
    if (!page.contains("NextToken")) break;
    input["NextToken"] = page["NextToken"];
  }
  return out;
}

bool IsMissing(const Error& error) { return error.message.starts_with("Could not find endpoint"); }

Result<Predictor> DeployJob(const Session& session, const DeployCommand& command) {
  const auto estimator = Estimator::attach(session, command.job);
  if (!estimator) return std::unexpected(NoJob(session, command.job, estimator.error()));
  DeployOptions options = command.options;
  for (const std::string& text : command.environment) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Usage("--env " + text + ": write it as NAME=value, for example --env LEVEL=debug");
    }
    options.model.environment[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return estimator->deploy(options);
}

int Deploy(const Context& context, const DeployCommand& command) {
  auto access = Connect(context);
  if (!access) return Report(context, access.error());
  if (access->embedded) return ReportNoServiceToServe(context);
  const auto deployed = DeployJob(access->session, command);
  if (!deployed) return Report(context, deployed.error());
  const std::string& name = deployed->endpoint_name();
  const auto now = Ask(access->session, "DescribeEndpoint", {{"EndpointName", name}});
  if (!now) return Report(context, now.error());
  if (context.json) {
    std::puts(now->dump(2).c_str());
    return kOk;
  }
  const std::string status = now->value("EndpointStatus", "");
  std::printf("endpoint %s %s\n", name.c_str(), PaintStatus(status).c_str());
  if (status == "InService") PrintHowToAsk(access->session, name, {});
  return kOk;
}

// Text between single quotes, as shells take it.
std::string ShellQuoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

// Deletes the endpoint, its configuration and that one's models, if these are its alone by name.
Status DeleteEndpoint(const Session& session, const std::string& name) {
  CLARY_TRY(const json endpoint, Ask(session, "DescribeEndpoint", {{"EndpointName", name}}));
  CLARY_CHECK_OK(Ask(session, "DeleteEndpoint", {{"EndpointName", name}}));
  const std::string config = endpoint.value("EndpointConfigName", "");
  const auto made = Ask(session, "DescribeEndpointConfig", {{"EndpointConfigName", config}});
  // What somebody else has deleted or made stays as it is.
  if (!made || !config.starts_with(name.substr(0, name.size() / 2))) return {};
  CLARY_CHECK_OK(Ask(session, "DeleteEndpointConfig", {{"EndpointConfigName", config}}));
  for (const json& variant : made->at("ProductionVariants")) {
    if (variant.value("ModelName", "") == config) {
      (void)Ask(session, "DeleteModel", {{"ModelName", config}});
    }
  }
  return {};
}

int PrintEndpoints(const Context& context, const std::string& deleted, size_t limit) {
  auto access = Connect(context);
  if (!access) return Report(context, access.error());
  if (!deleted.empty()) {
    const Status done = DeleteEndpoint(access->session, deleted);
    if (!done && IsMissing(done.error())) {
      return Report(context, kFailed, done.error().reason,
                    "there is no endpoint '" + deleted + "'\n  clary endpoints lists them");
    }
    if (!done) return Report(context, done.error());
    std::printf("endpoint %s deleted\n", deleted.c_str());
    return kOk;
  }
  const auto endpoints = ListAll(access->session, "ListEndpoints", "Endpoints", limit);
  if (!endpoints) return Report(context, endpoints.error());
  json list = json::array();
  Table table({"NAME", "STATUS", "CREATED", "VARIANTS"});
  for (const json& one : *endpoints) {
    const std::string name = one.value("EndpointName", "");
    const auto described = Ask(access->session, "DescribeEndpoint", {{"EndpointName", name}});
    if (!described) continue;  // deleted meanwhile
    std::string variants;
    for (const json& v : described->value("ProductionVariants", json::array())) {
      if (!variants.empty()) variants += ", ";
      variants += v.value("VariantName", "");
      if (const int count = v.value("CurrentInstanceCount", 1); count > 1) {
        variants += " x " + std::to_string(count);
      }
    }
    const std::string reason = described->value("FailureReason", "");
    table.Add({name, PaintStatus(one.value("EndpointStatus", "")),
               FormatLocalTime(Millis(one, "CreationTime")), reason.empty() ? variants : reason});
    list.push_back(*described);
  }
  PrintListing(context.json, list, table,
               "no endpoints yet: `clary deploy JOB` makes one of a training job's model");
  return kOk;
}

int PrintModels(const Context& context, size_t limit) {
  auto access = Connect(context);
  if (!access) return Report(context, access.error());
  const auto models = ListAll(access->session, "ListModels", "Models", limit);
  if (!models) return Report(context, models.error());
  json list = json::array();
  Table table({"NAME", "CREATED", "DATA"});
  for (const json& one : *models) {
    const std::string name = one.value("ModelName", "");
    const auto described = Ask(access->session, "DescribeModel", {{"ModelName", name}});
    if (!described) continue;
    json container = described->value("PrimaryContainer", json::object());
    if (const json all = described->value("Containers", json::array()); !all.empty()) {
      container = all.front();
    }
    const std::string data =
        container.value("ModelDataUrl", container.value("ModelPackageName", ""));
    table.Add({name, FormatLocalTime(Millis(one, "CreationTime")), data});
    list.push_back(*described);
  }
  PrintListing(context.json, list, table,
               "no models yet: `clary deploy JOB` makes one of a training job's artifact");
  return kOk;
}

}  // namespace

int ReportNoServiceToServe(const Context& context) {
  return Report(context, kUsage, "NoService",
                "an endpoint needs a service that stays: start `clary serve` first");
}

ExampleRow FirstRow(const std::string& file, const std::string& content_type, size_t leading) {
  const bool csv = content_type.contains("csv");
  std::error_code ec;
  if ((!csv && !content_type.contains("libsvm")) || !std::filesystem::is_regular_file(file, ec)) {
    return {};
  }
  const auto fd = OpenFile(file, O_RDONLY);
  if (!fd) return {};
  std::string start(kMostOfARow, '\0');
  const ssize_t n = ::read(fd->get(), start.data(), start.size());
  start.resize(n > 0 ? static_cast<size_t>(n) : 0);
  const size_t end = start.find('\n');
  if (end == std::string::npos || start.find('\0') < end) return {};
  std::string_view line = Trim(std::string_view(start).substr(0, end));
  for (size_t i = 0; i < (csv ? leading : 1); ++i) {
    const size_t at = line.find(csv ? ',' : ' ');
    if (at == std::string_view::npos) return {};
    line.remove_prefix(at + 1);
  }
  return {.content_type = csv ? "text/csv" : "text/libsvm", .text = std::string(Trim(line))};
}

void PrintHowToAsk(const Session& session, const std::string& endpoint, const ExampleRow& row) {
  const std::string& name = endpoint;
  const std::string type = "-H 'Content-Type: " + row.content_type + "'";
  if (row.text.empty()) {
    std::printf("  clary invoke %s < row.csv\n", name.c_str());
  } else {
    const std::string libsvm =
        row.content_type == "text/csv" ? "" : " --content-type " + row.content_type;
    std::printf("  echo %s | clary invoke %s%s\n", ShellQuoted(row.text).c_str(), name.c_str(),
                libsvm.c_str());
  }
  // Every request is signed, by whatever speaks AWS's protocols; curl does since 7.75.
  std::printf(
      "  eval \"$(clary env)\"   # keys for the shell\n"
      "  curl --aws-sigv4 aws:amz:%s:sagemaker --user "
      "\"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\" \\\n"
      "    %s --data-binary %s \\\n    %s/endpoints/%s/invocations\n",
      session.region_name().c_str(), type.c_str(),
      row.text.empty() ? "@row.csv" : ShellQuoted(row.text).c_str(),
      session.connection().endpoint.c_str(), name.c_str());
}

void AddEndpoints(CLI::App& app, Context& context) {
  const auto o = std::make_shared<DeployCommand>();
  auto* deploy = AddCommand(
      app, context, "deploy", "Serve the model of a training job at an endpoint",
      {"clary deploy my-job", "clary deploy my-job --name census --instances 2",
       "clary deploy my-job --env SAGEMAKER_INFERENCE_OUTPUT=predicted_label,probability",
       "clary deploy my-job --script inference.py --source-dir src"},
      [&context, o] { return Deploy(context, *o); });
  deploy->add_option("job", o->job, "Name of the training job")->required();
  deploy->add_option("--name", o->options.endpoint_name,
                     "Name of the endpoint (default: the job's); one that is there is updated");
  AddNumber(*deploy, "--instances", o->options.initial_instance_count,
            "Servers that share the requests");
  deploy->add_option("--instance-type", o->options.instance_type,
                     "What it would run on elsewhere; here, how many cores a server may use");
  deploy
      ->add_option("--env", o->environment,
                   "NAME=value: a variable of the model's container; may be repeated")
      ->expected(1)
      ->take_all();
  deploy->add_option("--script", o->options.model.entry_point,
                     "Program of yours that serves (model_fn, predict_fn, ...); default: the one "
                     "that has trained, if one has");
  deploy->add_option("--source-dir", o->options.model.source_dir,
                     "Folder with the script, what it imports and requirements.txt");
  deploy->add_flag_callback(
      "--no-wait", [o] { o->options.wait = false; }, "Return before it answers");

  const auto deleted = std::make_shared<std::string>();
  const auto limit = std::make_shared<int>(20);
  auto* endpoints = AddCommand(
      app, context, "endpoints", "List endpoints, newest first; or delete one",
      {"clary endpoints", "clary endpoints --delete census"}, [&context, deleted, limit] {
        return PrintEndpoints(context, *deleted, static_cast<size_t>(*limit));
      });
  endpoints->add_option("--delete", *deleted,
                        "Delete this endpoint, with what `clary deploy` made for it");
  AddNumber(*endpoints, "--max", *limit, "At most so many (default 20)");

  auto* models = AddCommand(
      app, context, "models", "List models, newest first", {"clary models", "clary models --json"},
      [&context, limit] { return PrintModels(context, static_cast<size_t>(*limit)); });
  AddNumber(*models, "--max", *limit, "At most so many (default 20)");
}

}  // namespace clary::cli
