#include <sys/resource.h>

#include <cstdio>

#include "base/log.h"
#include "command.h"
#include "options.h"
#include "serving/local_model.h"
#include "signals.h"
#include "terminal.h"
#include "toolkit/python.h"

namespace clary::cli {
namespace {

struct ServeOptions {
  server::Options service;
  bool answers_here = false;
  bool quiet = false;
};

int Serve(const Context& context, ServeOptions options) {
  Signals signals;
  options.service.home = context.home;
  options.service.check_hyperparameters = CheckAlgorithmTakes;
  if (options.answers_here) options.service.local_models = serving::LoadLocalModel;
  options.service.python = std::filesystem::absolute(options.service.python);
  if (options.quiet) SetLogLevel(LogLevel::kWarn);
  auto service = server::Service::Start(options.service);
  if (!service) return Report(context, service.error());
  const auto endpoint = (*service)->endpoint();
  if (context.json) {
    std::printf("{\"endpoint\":\"%s\",\"home\":\"%s\"}\n", endpoint.c_str(),
                context.home.string().c_str());
  } else if (!options.quiet) {
    std::printf("%s listens at %s, state in %s\n", Paint("clary", Style::kBold).c_str(),
                Paint(endpoint, Style::kCyan).c_str(), context.home.c_str());
    std::puts("  run a program with it:   clary exec -- python train.py");
    std::puts("  or set up this shell:    eval \"$(clary env)\"");
  }
  std::fflush(stdout);
  signals.Wait();
  (*service)->Stop();
  return kOk;
}

}  // namespace

void AddServe(CLI::App& app, Context& context) {
  const auto options = std::make_shared<ServeOptions>();
  auto* serve = AddCommand(app, context, "serve", "Run the service until SIGINT or SIGTERM",
                           {"clary serve", "clary serve --port 9000 --home /srv/clary"},
                           [&context, options] { return Serve(context, *options); });
  auto& service = options->service;
  serve->add_option("--address", service.address, "Address to listen at (default 127.0.0.1)");
  AddNumber(*serve, "--port", service.port, "Port (default 8460; 0: any free one)", 0);
  serve->add_flag("--tunnel", service.allow_tunnel,
                  "As an HTTPS proxy, let calls to other hosts through");
  serve->add_option("--state", service.state,
                    "postgres://USER@HOST/DATABASE: records there, which several services share "
                    "(default: HOME/meta.db)");
  serve->add_option("--objects", service.objects,
                    "s3://HOST:PORT: objects in that S3 service, ?tls=off for plain HTTP; keys in "
                    "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY (default: HOME/objects)");
  AddChoice(*serve, "--executor", service.executor,
            "Where jobs run: local (on this machine; default), slurm (on the nodes of its cluster)",
            {"local", "slurm"});
  serve->add_option("--slurm-partition", service.slurm_partition,
                    "Slurm's partition for jobs (default: Slurm's)");
  serve->add_option("--slurm-account", service.slurm_account, "Slurm's account for jobs");
  serve->add_option("--slurm-constraint", service.slurm_constraint,
                    "Features that nodes for jobs must have, as sbatch takes them");
  serve->add_option("--slurm-types", service.slurm_types,
                    "JSON file: what each instance type is in Slurm (default: HOME/slurm.json)");
  AddNumber(*serve, "--cpus", service.capacity_cpus,
            "Cores that running jobs may use in sum (default: all)");
  serve->add_flag_callback(
      "--no-profiler-report", [options] { options->service.profiler_report = false; },
      "No ProfilerReport rule for jobs that do not ask for one");
  serve->add_option("--notify", service.notify_file,
                    "JSON file: where the messages of rules go (default: HOME/notify.json)");
  serve
      ->add_option("--python", service.python,
                   "Python, or folder of a virtual environment, for scripts of images that no "
                   "environment stands for (default /usr/bin/python3)")
      ->check([](const std::string& path) {
        const auto python = toolkit::LookAtPython(std::filesystem::absolute(path));
        return python ? std::string() : python.error().message;
      });
  serve->add_option("--rule-python", service.rule_python,
                    "Python with smdebug, for rules of your own (default /usr/bin/python3)");
  serve->add_flag("--answer-in-process", options->answers_here,
                  "Small models of the built-in algorithm answer in this process, which is faster; "
                  "a fault in one ends it");
  AddChoice(*serve, "--job-network", service.job_network,
            "What jobs reach: none, clary (this service and the package index; default), open (all "
            "that this user does)",
            {"none", "clary", "open"});
  serve->add_flag("-q,--quiet", options->quiet, "Print problems only");
}

}  // namespace clary::cli
