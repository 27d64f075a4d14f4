// clary transform: a model over whole files.
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/quote.h"
#include "clary/estimator.h"
#include "clary/transformer.h"
#include "command.h"
#include "options.h"
#include "signals.h"
#include "table.h"
#include "terminal.h"

namespace clary::cli {
namespace {

namespace fs = std::filesystem;

struct TransformCommand {
  std::string model;  // of a training job, or its own name
  std::string data;
  std::string output = ".";
  TransformerOptions transformer;
  TransformOptions transform{.content_type = "", .wait = false};
  int max_payload = -1;  // MB; -1: the model's
  bool join = false;
};

std::string MimeTypeOf(const std::string& data) {
  const std::string type = ContentTypeOf(data);
  if (data.ends_with(".jsonl")) return "application/jsonlines";
  if (data.ends_with(".json")) return "application/json";
  return type.contains('/') ? type : "text/" + type;
}

// A transformer with the model of a training job, made for it, or with a model that is there.
struct Model {
  Transformer transformer;
  bool made = false;
};
Result<Model> FindModel(const Session& session, const TransformCommand& command) {
  TransformerOptions options = command.transformer;
  const auto estimator = Estimator::attach(session, command.model);
  if (estimator) {
    options.base_transform_job_name = command.model;
    CLARY_TRY(auto transformer, estimator->transformer(std::move(options)));
    return Model{.transformer = std::move(transformer), .made = true};
  }
  const nlohmann::json asked = {{"ModelName", command.model}};
  if (!session.request("DescribeModel", asked.dump())) {
    return std::unexpected(NoJob(session, command.model, estimator.error()));
  }
  options.model_name = command.model;
  return Model{.transformer = Transformer(session, std::move(options))};
}

Result<std::vector<std::string>> Fetch(const Session& session, const std::string& from,
                                       const std::string& to) {
  std::vector<std::string> files;
  CLARY_TRY(const auto uri, S3Uri::parse(from));
  CLARY_TRY(const auto got, session.download_data(to, uri.bucket, uri.key + "/"));
  for (const fs::path& file : got) files.push_back(file.string());
  return files;
}

int Transform(const Context& context, TransformCommand command) {
  const Signals signals;  // before any other thread
  std::error_code ec;
  const bool fetch = !command.output.starts_with("s3://");
  if (fetch && fs::exists(command.output, ec) && !fs::is_directory(command.output, ec)) {
    return Report(context, kUsage, "NotAFolder", "--output " + command.output + " is a file");
  }
  TransformOptions& options = command.transform;
  if (options.content_type.empty()) options.content_type = MimeTypeOf(command.data);
  if (options.split_type.empty()) {
    const bool lines = options.content_type.starts_with("text/") ||
                       options.content_type == "application/jsonlines";
    options.split_type = lines ? "Line" : "None";
  }
  if (command.transformer.assemble_with.empty() && options.split_type == "Line") {
    command.transformer.assemble_with = "Line";
  }
  if (command.max_payload >= 0) command.transformer.max_payload = command.max_payload;
  if (command.join) options.join_source = "Input";
  if (!fetch) command.transformer.output_path = command.output;

  auto access = Connect(context);
  if (!access) return Report(context, access.error());
  const Session& session = access->session;
  auto model = FindModel(session, command);
  if (!model) return Report(context, model.error());
  Transformer& transformer = model->transformer;
  const auto run = [&]() -> Result<TransformJobDescription> {
    CLARY_TRY(const std::string data, UploadChannel(session, command.data));
    CLARY_CHECK_OK(transformer.transform(data, options));
    const std::stop_callback stop(signals.token(), [&] { (void)transformer.stop_transform_job(); });
    return transformer.wait();
  };
  const auto ended = run();
  if (model->made) (void)transformer.delete_model();
  if (!ended) return Report(context, ended.error());
  if (ended->status == "Failed") {
    return Report(context, kFailed, "TransformJobFailed",
                  ended->failure_reason + transformer.last_log_lines());
  }
  std::vector<std::string> files;
  if (fetch && ended->status == "Completed") {
    auto fetched = Fetch(session, transformer.output_path(), command.output);
    if (!fetched) return Report(context, fetched.error());
    files = *std::move(fetched);
  }
  const int status = ended->status == "Completed" ? kOk : kFailed;
  if (context.json) {
    const nlohmann::json done = {{"name", ended->name},
                                 {"status", ended->status},
                                 {"output", transformer.output_path()},
                                 {"files", files},
                                 {"took_ms", ended->ended_ms - ended->created_ms}};
    std::puts(done.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return status;
  }
  std::printf("%s %s in %s\n", Paint(ended->name, Style::kBold).c_str(),
              PaintStatus(ended->status).c_str(),
              FormatDuration(ended->ended_ms - ended->created_ms).c_str());
  for (const std::string& file : files) std::printf("  file    %s\n", Printable(file).c_str());
  if (!fetch) std::printf("  output  %s\n", transformer.output_path().c_str());
  return status;
}

}  // namespace

void AddTransform(CLI::App& app, Context& context) {
  const auto o = std::make_shared<TransformCommand>();
  auto* transform = AddCommand(
      app, context, "transform", "A model's answers for whole files: a batch transform",
      {"clary transform my-job rows.csv",
       "clary transform my-job rows/ --output answers/ --accept application/jsonlines",
       "clary transform my-job s3://bucket/rows/ --output s3://bucket/answers",
       "clary transform my-job rows.csv --input-filter '$[1:]' --join --output-filter '$[0,-1]'"},
      [&context, o] { return Transform(context, *o); });
  transform->add_option("model", o->model, "Name of a training job, or of a model")->required();
  transform->add_option("data", o->data, "File, folder or s3:// URI of rows without labels")
      ->required();
  transform->add_option("--output", o->output,
                        "Folder for the answers, a file FILE.out for each, or s3:// URI (default: "
                        "this folder)");
  transform->add_option("--content-type", o->transform.content_type,
                        "What the rows are; by the file's name, else text/csv");
  transform->add_option("--accept", o->transformer.accept,
                        "Form of the answers, as application/jsonlines; else the model's own");
  AddChoice(*transform, "--split", o->transform.split_type,
            "What a record is (default: Line of text, else None)",
            {"None", "Line", "RecordIO", "TFRecord"});
  AddChoice(*transform, "--assemble", o->transformer.assemble_with,
            "What stands behind each answer (default: Line if records are lines)",
            {"None", "Line"});
  transform->add_option("--input-filter", o->transform.input_filter,
                        "JSONPath: what of a record the model gets, as '$[1:]'");
  transform->add_option("--output-filter", o->transform.output_filter,
                        "JSONPath: what of a record or an answer is written");
  transform->add_flag("--join", o->join, "Write each record with its answer behind it");
  AddNumber(*transform, "--max-payload", o->max_payload,
            "MB of records in a request; 0: whole files", 0, 100);
  AddNumber(*transform, "--max-concurrent", o->transformer.max_concurrent_transforms,
            "Requests at the same time");
  transform->add_option("--instance-type", o->transformer.instance_type,
                        "Name of the machine (default ml.m5.large)");
}

}  // namespace clary::cli
