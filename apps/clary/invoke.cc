#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/stream.h"
#include "base/strings.h"
#include "clary/predictor.h"
#include "command.h"

namespace clary::cli {
namespace {

constexpr uint64_t kMostBytes = uint64_t{25} << 20;  // what an endpoint takes at once

struct InvokeOptions {
  std::string endpoint;
  std::string file;
  PredictOptions predict{.content_type = ""};
};

std::string TypeOf(const std::string& file) {
  const std::string extension = ToLower(std::filesystem::path(file).extension().string());
  if (extension == ".json") return "application/json";
  if (extension == ".jsonl") return "application/jsonlines";
  if (extension == ".libsvm" || extension == ".svm") return "text/libsvm";
  return "text/csv";
}

Result<std::string> ReadInput(const InvokeOptions& options) {
  if (!options.file.empty() && options.file != "-") return ReadFile(options.file, kMostBytes);
  if (::isatty(0) != 0) {
    return Usage(
        "invoke needs rows: a FILE, or standard input (`clary invoke ENDPOINT < row.csv`)");
  }
  class Input final : public ByteSource {
    Result<size_t> Read(std::span<char> buffer) override {
      const ssize_t n = ::read(0, buffer.data(), buffer.size());
      if (n < 0) return std::unexpected(ErrnoError(errno, "standard input"));
      return static_cast<size_t>(n);
    }
  } input;
  return ReadAll(input, kMostBytes);
}

int Invoke(const Context& context, InvokeOptions options) {
  auto data = ReadInput(options);
  if (!data && data.error().reason == "Usage") {
    return Report(context, kUsage, "Usage", data.error().message);
  }
  if (!data && data.error().reason == "TooLarge") {
    return Report(
        context, kFailed, "TooLarge",
        "an endpoint takes at most 25 MiB at once: send the rows in parts, or run a batch "
        "transform");
  }
  if (!data) return Report(context, data.error());
  if (options.predict.content_type.empty()) options.predict.content_type = TypeOf(options.file);
  auto access = Connect(context);
  if (!access) return Report(context, access.error());
  const auto answer = Predictor(access->session, options.endpoint).predict(*data, options.predict);
  if (!answer) return Report(context, answer.error());
  if (context.json) {
    const nlohmann::json out = {{"body", answer->body},
                                {"content_type", answer->content_type},
                                {"production_variant", answer->production_variant}};
    std::puts(out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return kOk;
  }
  std::fwrite(answer->body.data(), 1, answer->body.size(), stdout);
  if (!answer->body.ends_with('\n') && ::isatty(1) != 0) std::puts("");
  return kOk;
}

}  // namespace

void AddInvoke(CLI::App& app, Context& context) {
  auto options = std::make_shared<InvokeOptions>();
  auto* invoke = AddCommand(app, context, "invoke", "Ask an endpoint for predictions",
                            {"clary invoke my-endpoint < row.csv",
                             "clary invoke my-endpoint rows.csv --accept application/json",
                             "echo 5.1,3.5,1.4,0.2 | clary invoke my-endpoint"},
                            [&context, options] { return Invoke(context, *options); });
  invoke->add_option("endpoint", options->endpoint, "Name of the endpoint")->required();
  invoke->add_option("file", options->file, "Rows to send; standard input without it");
  invoke->add_option("--content-type", options->predict.content_type,
                     "What the rows are; by the file's name, else text/csv");
  invoke->add_option("--accept", options->predict.accept,
                     "Form of the answer, as application/json; else the model's own");
  invoke->add_option("--variant", options->predict.target_variant,
                     "The variant to ask; else one by the variants' weights");
}

}  // namespace clary::cli
