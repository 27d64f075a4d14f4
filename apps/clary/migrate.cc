// clary migrate: from a single service to a state that several share.
#include <cstdio>

#include "base/quote.h"
#include "command.h"

namespace clary::cli {
namespace {

int Migrate(const Context& context, const std::string& state) {
  const auto moved = server::MoveRecords(context.home, state);
  if (!moved) return Report(context, moved.error());
  if (context.json) {
    std::printf("{\"records\":%zu}\n", *moved);
  } else {
    std::printf("%zu records are in PostgreSQL; meta.db is kept as %s\n", *moved,
                Printable((context.home / "meta.db.moved").string()).c_str());
    std::puts("  clary serve --state ...     with the same home, from now on");
  }
  return kOk;
}

}  // namespace

void AddMigrate(CLI::App& app, Context& context) {
  const auto state = std::make_shared<std::string>();
  auto* command = AddCommand(
      app, context, "migrate",
      "Move the records of a service that has ended into PostgreSQL, which several share",
      {"clary migrate --home /srv/clary --state postgres://clary@db.example.org/clary"},
      [&context, state] { return Migrate(context, *state); });
  command->add_option("--state", *state, "postgres://USER@HOST/DATABASE, on which nothing ran yet")
      ->required();
}

}  // namespace clary::cli
