// clarify: who fares how with a job's model, and what it looks at.
#include "clary/clarify.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/file.h"
#include "base/quote.h"
#include "base/strings.h"
#include "clary/s3.h"
#include "command.h"
#include "data/columns.h"
#include "options.h"
#include "terminal.h"

namespace clary::cli {
namespace clarify_command {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr size_t kMaxName = 63;
constexpr uint64_t kMaxAnalysis = uint64_t{256} << 20;

struct ClarifyOptions {
  std::string job;
  std::vector<std::string> facets;  // sex=Female, "age>40", race
  std::string label, positive = "1", group, channel = "train", download;
  double threshold = 0.5;
  bool no_explanations = false;
};

// What a channel of the job is, and what its columns are called.
struct ChannelData {
  std::string uri;
  std::vector<std::string> headers;  // empty: not known
  std::optional<data::Columns> columns;
};

Result<ChannelData> FindChannel(const Session& session, const TrainingJobDescription& job,
                                const std::string& name) {
  const json request = json::parse(job.json, nullptr, false);
  std::string known;
  ChannelData out;
  for (const json& channel : request.value("InputDataConfig", json::array())) {
    const std::string called = channel.value("ChannelName", "");
    known += (known.empty() ? "" : ", ") + called;
    if (called != name) continue;
    out.uri = channel["DataSource"]["S3DataSource"].value("S3Uri", "");
    const std::string type = channel.value("ContentType", "");
    if (type.find("csv") == std::string::npos) {
      return Fail(Code::kInvalidArgument, "BadChannel",
                  "channel " + name + " of " + job.name + " holds " +
                      (type.empty() ? "libsvm" : type) + "; only csv can be analysed");
    }
  }
  if (out.uri.empty()) {
    return Fail(Code::kNotFound, "NoChannel",
                "job " + job.name + " has no channel '" + name + "'; it has " + known);
  }
  CLARY_TRY(const auto uri, S3Uri::parse(out.uri + (out.uri.ends_with('/') ? "" : "/")));
  CLARY_TRY(const auto temp, TempDir::Make());
  const auto files =
      session.download_data(temp.path(), uri.bucket, uri.key + std::string(data::kColumnsFile));
  if (!files) return out;
  CLARY_TRY(out.columns, data::ReadColumnsOf(temp.path()));
  if (!out.columns) return out;
  out.headers.push_back(out.columns->label);
  for (const data::Column& c : out.columns->features) out.headers.push_back(c.name);
  return out;
}

// A value as the channel has it: a category's text is its code.
Result<clarify::ConfigValue> ValueOf(const ChannelData& data, const std::string& column,
                                     const std::string& text) {
  if (data.columns) {
    const auto found = std::ranges::find(data.columns->features, column, &data::Column::name);
    const std::vector<std::string>* texts = nullptr;
    if (found != data.columns->features.end() && found->is_category) texts = &found->categories;
    if (column == data.columns->label && !data.columns->classes.empty()) {
      texts = &data.columns->classes;
    }
    if (texts != nullptr) {
      const auto at = std::ranges::find(*texts, text);
      if (at != texts->end()) return static_cast<int64_t>(at - texts->begin());
      if (!ParseInt(text)) {
        std::string known;
        for (size_t i = 0; i < texts->size() && i < 20; ++i) {
          known += (i > 0 ? ", " : "") + Printable((*texts)[i], 40);
        }
        return Usage("column '" + column + "' has no value '" + text + "'; it has " + known);
      }
    }
  }
  if (const auto whole = ParseInt(text)) return *whole;
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (!text.empty() && *end == 0) return number;
  return text;
}

Result<clarify::BiasFacet> FacetOf(const ChannelData& data, const std::string& text) {
  clarify::BiasFacet out;
  const size_t at = text.find_first_of("=>");
  out.name = text.substr(0, at);
  if (out.name.empty() || at + 1 == text.size()) {
    return Usage("--facet " + text +
                 ": write it as NAME=VALUE, NAME=VALUE,VALUE, \"NAME>NUMBER\" or NAME");
  }
  if (at == std::string::npos) return out;
  const std::string_view rest = std::string_view(text).substr(at + 1);
  if (text[at] == '>') {
    out.values_or_threshold.emplace_back("(" + std::string(rest) + ", inf)");
    return out;
  }
  for (const std::string_view value : Split(rest, ',')) {
    CLARY_TRY(auto one, ValueOf(data, out.name, std::string(value)));
    out.values_or_threshold.push_back(std::move(one));
  }
  return out;
}

struct Found {
  json analysis;
  json more;
  std::string page;
  std::string output;
};

Result<Found> Analyse(const Context& context, const Session& session, const ClarifyOptions& o) {
  const auto job = TrainingJob(session, o.job).describe();
  if (!job) return std::unexpected(NoJob(session, o.job, job.error()));
  if (!HasModel(session, *job)) {
    return Fail(Code::kFailedPrecondition, "NoModel",
                "training job '" + o.job + "' is " + job->status + " and has left no model");
  }
  CLARY_TRY(const ChannelData data, FindChannel(session, *job, o.channel));
  clarify::BiasConfig bias;
  for (const std::string& text : o.facets) {
    CLARY_TRY(auto facet, FacetOf(data, text));
    bias.facets.push_back(std::move(facet));
  }
  std::string label = o.label;
  if (label.empty()) label = data.headers.empty() ? "column_0" : data.headers.front();
  CLARY_TRY(auto positive, ValueOf(data, label, o.positive));
  bias.label_values_or_threshold = {std::move(positive)};
  bias.group_name = o.group;

  const std::string stamp = std::to_string(ToMillis(Clock::System().Now()));
  const std::string name = o.job.substr(0, kMaxName - stamp.size() - 1) + "-" + stamp;
  CLARY_TRY(const std::string bucket, session.default_bucket());
  const std::string output = "s3://" + bucket + "/clary/clarify/" + name;
  CLARY_CHECK_OK(session.request(
      "CreateModel",
      json{{"ModelName", name},
           {"ExecutionRoleArn", job->role},
           {"PrimaryContainer", {{"Image", job->image_uri}, {"ModelDataUrl", job->model_data}}}}
          .dump()));
  clarify::Processor processor(session, {.role = job->role});
  const clarify::DataConfig input{.s3_data_input_path = data.uri,
                                  .s3_output_path = output,
                                  .label = label,
                                  .headers = data.headers};
  const clarify::ModelConfig model{.model_name = name, .probability_threshold = o.threshold};
  const std::optional<clarify::SHAPConfig> shap =
      o.no_explanations ? std::nullopt : std::optional(clarify::SHAPConfig{});
  const std::optional<clarify::PDPConfig> pdp =
      o.no_explanations ? std::nullopt : std::optional(clarify::PDPConfig{.top_k_features = 5});
  const auto run = [&]() -> Status {
    const clarify::RunOptions quiet{.wait = false};
    if (bias.facets.empty()) {
      CLARY_CHECK_OK(processor.run_explainability(input, model, shap, pdp, quiet));
    } else {
      CLARY_CHECK_OK(processor.run_bias_and_explainability(input, bias, model, shap, pdp, quiet));
    }
    CLARY_TRY(const auto done, processor.latest_job()->wait([&](const LogEvent& event) {
      if (!context.json) std::fprintf(stderr, "%s\n", Printable(event.message).c_str());
    }));
    if (done.status == "Completed") return {};
    return Fail(Code::kFailedPrecondition, "AnalysisFailed",
                "the analysis " + done.name + " is " + done.status + ": " + done.failure_reason);
  };
  const Status done = run();
  (void)session.request("DeleteModel", json{{"ModelName", name}}.dump());
  CLARY_CHECK_OK(done);
  const fs::path folder =
      o.download.empty() ? context.home / "clarify" / name : fs::path(o.download);
  CLARY_TRY(const auto uri, S3Uri::parse(output + "/"));
  CLARY_TRY(const auto files, session.download_data(folder, uri.bucket, uri.key));
  Found out{.output = output};
  for (const fs::path& file : files) {
    std::error_code ec;
    if (file.filename() == "report.html") out.page = fs::absolute(file, ec).string();
    for (const auto& [wanted, to] :
         {std::pair{"analysis.json", &out.analysis}, std::pair{"clary_analysis.json", &out.more}}) {
      if (file.filename() != wanted) continue;
      CLARY_TRY(const std::string text, ReadFile(file, kMaxAnalysis));
      *to = json::parse(text, nullptr, false);
    }
  }
  return out;
}

std::string Text(const json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return value.get<std::string>();
  char text[32];
  std::snprintf(text, sizeof text, "%.4f", value.get<double>());
  return text;
}

void Print(const Found& found) {
  std::vector<std::pair<std::string, double>> features;
  const json explanations = found.analysis.value("explanations", json::object());
  for (const char* stage : {"pre_training_bias_metrics", "post_training_bias_metrics"}) {
    const json section = found.analysis.value(stage, json::object());
    const json groups = section.value("facets", json::object());
    for (const auto& [facet, list] : groups.items()) {
      size_t at = 0;
      for (const json& group : list) {
        std::printf("%s = %s, %s\n", Printable(facet).c_str(),
                    Printable(group.value("value_or_threshold", "")).c_str(),
                    stage[1] == 'r' ? "labels" : "predictions");
        json intervals;
        size_t seen = 0;
        for (const json& one : found.more["bias"]["facets"]) {
          if (one["facet"] == facet && seen++ == at) intervals = one["intervals_95"];
        }
        ++at;
        for (const json& m : group["metrics"]) {
          const std::string name = m["name"];
          std::printf("  %-6s %10s", name.c_str(), Text(m["value"]).c_str());
          if (intervals.contains(name)) {
            std::printf("  [%s, %s]", Text(intervals[name][0]).c_str(),
                        Text(intervals[name][1]).c_str());
          } else if (m.contains("error")) {
            std::printf("  %s", Printable(m["error"].get<std::string>()).c_str());
          }
          std::printf("\n");
        }
      }
    }
  }
  const json shap = explanations.value("kernel_shap", json::object());
  for (const auto& [label, values] : shap.items()) {
    features.clear();
    for (const auto& [name, value] : values["global_shap_values"].items()) {
      features.emplace_back(name, value.get<double>());
    }
    std::ranges::stable_sort(features, [](const auto& a, const auto& b) {
      return std::abs(a.second) > std::abs(b.second);
    });
    std::printf("what moves %s\n", Printable(label).c_str());
    for (size_t i = 0; i < features.size() && i < 10; ++i) {
      std::printf("  %-24s %.5f\n", Printable(features[i].first, 24).c_str(), features[i].second);
    }
  }
  std::printf("report %s\n", found.page.c_str());
}

int Clarify(const Context& context, const ClarifyOptions& options) {
  auto access = Connect(context, Home::kMustExist);
  if (!access) return Report(context, access.error());
  const auto found = Analyse(context, access->session, options);
  if (!found) {
    return Report(context, found.error().reason == "Usage" ? kUsage : kFailed, found.error().reason,
                  found.error().message);
  }
  if (context.json) {
    std::puts(json{{"output", found->output},
                   {"report", found->page},
                   {"analysis", found->analysis},
                   {"clary_analysis", found->more}}
                  .dump(2)
                  .c_str());
  } else {
    Print(*found);
  }
  return kOk;
}

}  // namespace
}  // namespace clarify_command

void AddClarify(CLI::App& app, Context& context) {
  const auto options = std::make_shared<clarify_command::ClarifyOptions>();
  auto* command =
      AddCommand(app, context, "clarify", "Who fares how with a job's model, and what it looks at",
                 {"clary clarify my-job --facet sex=Female --facet \"age>40\"",
                  "clary clarify my-job --facet race --group education --threshold 0.8"},
                 [&context, options] { return clarify_command::Clarify(context, *options); });
  command->add_option("job", options->job, "Name of a training job")->required();
  command->add_option("--facet", options->facets,
                      "A group to look at: NAME=VALUE, NAME=VALUE,VALUE, \"NAME>NUMBER\", or NAME "
                      "for each value; may be repeated. Without any, only explanations");
  command->add_option("--label", options->label,
                      "Column to predict (default: the channel's first)");
  command->add_option("--positive", options->positive, "Value of the good outcome (default: 1)");
  command->add_option("--group", options->group,
                      "Column of subgroups that the groups are compared within");
  command
      ->add_option("--threshold", options->threshold,
                   "Scores above it are the good outcome (default: 0.5)")
      ->type_name("SCORE")
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--channel", options->channel, "Channel of the job's data (default: train)");
  command->add_option("--download", options->download,
                      "Folder for everything (default: HOME/clarify/NAME)");
  command->add_flag("--no-explanations", options->no_explanations, "Metrics of groups alone");
}

}  // namespace clary::cli
