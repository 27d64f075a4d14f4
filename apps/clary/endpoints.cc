// deploy, endpoints, models: what serves, as `clary jobs` is what trains.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "clary/training_job.h"
#include "command.h"
#include "options.h"
#include "terminal.h"

namespace clary::cli {
namespace {

using nlohmann::json;

constexpr size_t kMaxName = 63;
constexpr Duration kLook{20};
constexpr int kPage = 100;

struct DeployOptions {
  std::string job;
  std::string name;  // empty: the job's
  int instances = 1;
  std::string instance_type = "ml.m5.large";
  bool no_wait = false;
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

Result<json> WaitForEndpoint(const Session& session, const std::string& name) {
  for (;;) {
    CLARY_TRY(const json now, Ask(session, "DescribeEndpoint", {{"EndpointName", name}}));
    const std::string status = now.value("EndpointStatus", "");
    if (status != "Creating" && status != "Updating") return now;
    Clock::System().Sleep(kLook);
  }
}

Result<json> DeployJob(const Session& session, const DeployOptions& options) {
  const auto job = TrainingJob(session, options.job).describe();
  if (!job) return std::unexpected(NoJob(session, options.job, job.error()));
  if (job->status != "Completed") {
    return Fail(Code::kFailedPrecondition, "NotCompleted",
                "training job '" + options.job + "' is " + job->status +
                    ": only a Completed one has a model");
  }
  const std::string endpoint =
      options.name.empty() ? options.job.substr(0, kMaxName) : options.name;
  const bool update = Ask(session, "DescribeEndpoint", {{"EndpointName", endpoint}}).has_value();
  // Its model and configuration have a name of their own each time, so that the endpoint can be
  // changed while the old ones answer.
  std::string stamp = std::to_string(ToMillis(Clock::System().Now()));
  const std::string name = endpoint.substr(0, kMaxName - stamp.size() - 1) + "-" + stamp;
  CLARY_CHECK_OK(
      Ask(session, "CreateModel",
          {{"ModelName", name},
           {"ExecutionRoleArn", job->role},
           {"PrimaryContainer", {{"Image", job->image_uri}, {"ModelDataUrl", job->model_data}}}}));
  CLARY_CHECK_OK(Ask(session, "CreateEndpointConfig",
                     {{"EndpointConfigName", name},
                      {"ProductionVariants",
                       {{{"VariantName", "AllTraffic"},
                         {"ModelName", name},
                         {"InitialInstanceCount", options.instances},
                         {"InstanceType", options.instance_type}}}}}));
  CLARY_CHECK_OK(Ask(session, update ? "UpdateEndpoint" : "CreateEndpoint",
                     {{"EndpointName", endpoint}, {"EndpointConfigName", name}}));
  if (!options.no_wait) return WaitForEndpoint(session, endpoint);
  return Ask(session, "DescribeEndpoint", {{"EndpointName", endpoint}});
}

int Deploy(const Context& context, const DeployOptions& options) {
  auto access = Connect(context);
  if (!access) return Report(context, access.error());
  if (access->embedded) {
    return Report(context, kFailed, "NoService",
                  "an endpoint needs a service that stays: start `clary serve` first");
  }
  const auto deployed = DeployJob(access->session, options);
  if (!deployed) return Report(context, deployed.error());
  const std::string name = deployed->value("EndpointName", "");
  const std::string status = deployed->value("EndpointStatus", "");
  const std::string reason = deployed->value("FailureReason", "");
  if (context.json) {
    std::puts(deployed->dump(2).c_str());
  } else {
    std::printf("endpoint %s %s\n", name.c_str(), PaintStatus(status).c_str());
    if (!reason.empty()) std::printf("%s\n", reason.c_str());
    if (status == "InService" && reason.empty()) {
      std::printf("  clary invoke %s < row.csv\n", name.c_str());
    }
  }
  return reason.empty() ? kOk : kFailed;
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
  if (context.json) {
    std::puts(list.dump(2).c_str());
  } else if (table.empty()) {
    std::puts("no endpoints yet: `clary deploy JOB` makes one of a training job's model");
  } else {
    table.Print();
  }
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
  if (context.json) {
    std::puts(list.dump(2).c_str());
  } else if (table.empty()) {
    std::puts("no models yet: `clary deploy JOB` makes one of a training job's artifact");
  } else {
    table.Print();
  }
  return kOk;
}

}  // namespace

void AddEndpoints(CLI::App& app, Context& context) {
  const auto options = std::make_shared<DeployOptions>();
  auto* deploy =
      AddCommand(app, context, "deploy", "Serve the model of a training job at an endpoint",
                 {"clary deploy my-job", "clary deploy my-job --name census --instances 2"},
                 [&context, options] { return Deploy(context, *options); });
  deploy->add_option("job", options->job, "Name of the training job")->required();
  deploy->add_option("--name", options->name,
                     "Name of the endpoint (default: the job's); one that is there is updated");
  AddNumber(*deploy, "--instances", options->instances, "Servers that share the requests");
  deploy->add_option("--instance-type", options->instance_type,
                     "What it would run on elsewhere; here, how many cores a server may use");
  deploy->add_flag("--no-wait", options->no_wait, "Return before it answers");

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
