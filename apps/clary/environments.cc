// clary environments list | add | build | import | remove
#include "toolkit/environments.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/quote.h"
#include "command.h"
#include "signals.h"
#include "terminal.h"
#include "toolkit/build.h"

namespace clary::cli {
namespace fs = std::filesystem;
namespace {

struct ImportArguments {
  std::string image;
  std::string engine;
  std::string glob;
};

struct BuildArguments {
  std::string framework;
  std::string version;
  std::string python;
  std::vector<std::string> wheels;
  std::vector<std::string> with;
};

// The framework's own package among `packages`: "scikit-learn==1.2.1".
std::string MainPackage(const toolkit::BuiltEnvironment& built) {
  const auto* framework = toolkit::FindFramework(built.framework);
  for (const auto& line : built.packages) {
    if (framework != nullptr && line.starts_with(std::string(framework->package) + "==")) {
      return line;
    }
  }
  return "";
}

nlohmann::json JsonOf(const toolkit::BuiltEnvironment& built) {
  return {{"name", built.name()},
          {"python", built.python},
          {"folder", built.dir.string()},
          {"packages", built.packages},
          {"notes", built.notes}};
}

void RemoveAllRests(const Context& context) {
  (void)toolkit::RemoveRests(context.home);
  (void)toolkit::RemoveImageRests(context.home);
}

int ListEnvironments(const Context& context) {
  RemoveAllRests(context);
  const auto all = toolkit::Environments::Load({.state = context.home});
  if (!all) return Report(context, all.error());
  if (context.json) {
    nlohmann::json built = nlohmann::json::array();
    for (const auto& b : all->built()) built.push_back(JsonOf(b));
    nlohmann::json rules = nlohmann::json::array();
    for (const auto& r : all->rules()) {
      const bool container = !r.container.empty();
      rules.push_back({{"image", r.image},
                       {container ? "container" : "python", container ? r.container : r.python}});
    }
    const nlohmann::json out = {{"built", std::move(built)}, {"rules", std::move(rules)}};
    std::puts(out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return kOk;
  }
  if (all->built().empty() && all->rules().empty()) {
    std::puts("no environments yet\n  clary environments build sklearn 1.2-1");
    return kOk;
  }
  Table table({"ENVIRONMENT", "PYTHON", "HOLDS", "WHERE"});
  for (const auto& rule : all->rules()) {
    if (!rule.container.empty()) {
      const auto image = toolkit::FindImage(context.home, rule.container);
      table.Add({Printable(rule.image), "its own",
                 image ? Printable(image->name) : "cannot be used",
                 (toolkit::ImagesDirectory(context.home) / rule.container).string()});
      continue;
    }
    const auto python = toolkit::LookAtPython(rule.python);
    table.Add({Printable(rule.image), python ? python->version : "?",
               python ? "" : "cannot be used", Printable(rule.python)});
  }
  for (const auto& b : all->built()) {
    table.Add({b.name(), b.python, MainPackage(b), b.dir.string()});
  }
  table.Print();
  return kOk;
}

int Build(const Context& context, const BuildArguments& arguments) {
  const Signals signals;  // before any other thread
  RemoveAllRests(context);
  const auto built = toolkit::BuildEnvironment({.state = context.home,
                                                .framework = arguments.framework,
                                                .version = arguments.version,
                                                .python = arguments.python,
                                                .wheels = arguments.wheels,
                                                .with = arguments.with,
                                                .now_ms = ToMillis(Clock::System().Now()),
                                                .output = context.json ? 2 : 1,
                                                .stop = signals.token(),
                                                .say = [&context](const std::string& line) {
                                                  std::fprintf(context.json ? stderr : stdout,
                                                               "%s\n", Printable(line).c_str());
                                                  std::fflush(context.json ? stderr : stdout);
                                                }});
  if (!built) return Report(context, built.error());
  if (context.json) {
    std::puts(JsonOf(*built).dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return kOk;
  }
  std::printf("%s is there: %zu packages, %s\n", Paint(built->name(), Style::kBold).c_str(),
              built->packages.size(), (built->dir / "requirements.lock").c_str());
  if (built->framework != "python") {
    std::printf("  clary train --script train.py --framework %s --train DATA\n",
                built->name().c_str());
  }
  return kOk;
}

int Add(const Context& context, const std::string& image, const std::string& python) {
  auto all = toolkit::Environments::Load({.state = context.home});
  if (!all) return Report(context, all.error());
  const auto added =
      all->AddRule({.image = image, .python = fs::absolute(python).string(), .container = ""});
  if (!added) return Report(context, added.error());
  if (!context.json) {
    std::printf("images %s run with %s\n", Printable(image).c_str(),
                Printable(fs::absolute(python).string()).c_str());
  }
  return kOk;
}

int Import(const Context& context, const ImportArguments& arguments) {
  const Signals signals;  // before any other thread
  RemoveAllRests(context);
  std::FILE* const out = context.json ? stderr : stdout;
  const auto image = toolkit::ImportImage({.state = context.home,
                                           .image = arguments.image,
                                           .engine = arguments.engine,
                                           .now_ms = ToMillis(Clock::System().Now()),
                                           .output = context.json ? 2 : 1,
                                           .stop = signals.token(),
                                           .say = [out](const std::string& line) {
                                             std::fprintf(out, "%s\n", Printable(line).c_str());
                                             std::fflush(out);
                                           }});
  if (!image) return Report(context, image.error());
  auto all = toolkit::Environments::Load({.state = context.home});
  if (!all) return Report(context, all.error());
  std::string glob = arguments.glob;
  if (glob.empty()) glob = arguments.image.substr(arguments.image.rfind('/') + 1);
  const auto added =
      all->AddRule({.image = glob, .python = "", .container = image->dir.filename().string()});
  if (!added) return Report(context, added.error());
  if (context.json) {
    const nlohmann::json told = {
        {"image", glob}, {"container", image->dir.filename().string()}, {"id", image->id}};
    std::puts(told.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return kOk;
  }
  std::printf("images %s run in %s (%s)\n", Paint(Printable(glob), Style::kBold).c_str(),
              Printable(image->name).c_str(), image->dir.c_str());
  return kOk;
}

int Remove(const Context& context, const std::string& name) {
  RemoveAllRests(context);
  auto all = toolkit::Environments::Load({.state = context.home});
  if (!all) return Report(context, all.error());
  const auto removed = all->Remove(name);
  if (!removed) return Report(context, removed.error());
  if (!context.json) std::printf("%s is removed\n", Printable(name).c_str());
  return kOk;
}

}  // namespace

void AddEnvironments(CLI::App& app, Context& context) {
  auto* group = AddGroup(app, "environments",
                         "Pythons that stand for images, and images, for programs of your own",
                         {"clary environments build sklearn 1.2-1", "clary environments list",
                          "clary environments add 'my-image:*' /opt/venvs/mine",
                          "clary environments import localhost/my-image:1",
                          "clary environments remove sklearn:1.2-1"});
  AddCommand(*group, context, "list", "What there is", {"clary environments list"},
             [&context] { return ListEnvironments(context); });

  const auto build = std::make_shared<BuildArguments>();
  auto* make = AddCommand(
      *group, context, "build",
      "Make the environment of a framework's image, with pip: sklearn, xgboost, pytorch, python",
      {"clary environments build sklearn 1.2-1",
       "clary environments build xgboost 1.7-1 --python python3.10 --with lightgbm==4.3.0",
       "clary environments build pytorch 2.3.0 --wheels /mnt/wheels",
       "clary environments build python 3.11                     for functions of @remote"},
      [&context, build] { return Build(context, *build); });
  make->add_option("framework", build->framework, "sklearn, xgboost, pytorch or python")
      ->required();
  make->add_option("version", build->version,
                   "Version as the image's tag has it: 1.2-1, 2.3.0; of python: 3.11")
      ->required();
  make->add_option("--python", build->python, "Interpreter to build with (default: python3)");
  make->add_option("--wheels", build->wheels,
                   "Folder of wheels to install from, instead of an index; may be repeated")
      ->expected(1)
      ->take_all();
  make->add_option("--with", build->with, "Another package, e.g. lightgbm==4.3.0; may be repeated")
      ->expected(1)
      ->take_all();

  const auto image = std::make_shared<std::string>();
  const auto python = std::make_shared<std::string>();
  auto* add = AddCommand(*group, context, "add", "Run images with a Python of yours",
                         {"clary environments add 'my-image:*' /opt/venvs/mine",
                          "clary environments add 'pytorch-training:2.*' /usr/bin/python3"},
                         [&context, image, python] { return Add(context, *image, *python); });
  add->add_option("image", *image, "Name of the image, with * and ? for what may differ")
      ->required();
  add->add_option("python", *python, "Interpreter, or folder of a virtual environment")->required();

  const auto import = std::make_shared<ImportArguments>();
  auto* bring =
      AddCommand(*group, context, "import",
                 "Run images for real: bring a container image here from podman or docker",
                 {"clary environments import localhost/my-image:1",
                  "clary environments import docker.io/library/python:3.12 --for 'my-image:*' "
                  "--engine docker"},
                 [&context, import] { return Import(context, *import); });
  bring->add_option("image", import->image, "Image, as the engine knows it")->required();
  bring->add_option("--engine", import->engine,
                    "podman, docker, or a path (default: what is there)");
  bring->add_option("--for", import->glob,
                    "Names of images in requests, with * and ? (default: its own)");

  const auto name = std::make_shared<std::string>();
  auto* remove = AddCommand(
      *group, context, "remove", "Forget a Python of yours, or delete a built environment",
      {"clary environments remove sklearn:1.2-1", "clary environments remove 'my-image:*'"},
      [&context, name] { return Remove(context, *name); });
  remove->add_option("name", *name, "Environment, or image, as `clary environments list` shows it")
      ->required();
}

}  // namespace clary::cli
