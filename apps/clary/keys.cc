#include <cstdio>
#include <nlohmann/json.hpp>

#include "client/access_keys.h"
#include "command.h"
#include "terminal.h"

namespace clary::cli {
namespace {

int Create(const Context& context) {
  auto access = Connect(context);
  if (!access) return Report(context, access.error());
  const auto key = client::CreateAccessKey(access->session);
  if (!key) return Report(context, key.error());
  if (context.json) {
    std::puts(
        nlohmann::json{{"access_key_id", key->access_key}, {"secret_access_key", key->secret_key}}
            .dump(2)
            .c_str());
  } else {
    std::printf("access key id      %s\nsecret access key  %s\n", key->access_key.c_str(),
                key->secret_key.c_str());
    std::puts("The secret is not shown again.");
  }
  return kOk;
}

int List(const Context& context) {
  auto access = Connect(context, Home::kMustExist);
  if (!access) return Report(context, access.error());
  const auto keys = client::ListAccessKeys(access->session);
  if (!keys) return Report(context, keys.error());
  auto json = nlohmann::json::array();
  Table table({"ACCESS KEY ID", "CREATED"});
  for (const auto& key : *keys) {
    json.push_back({{"access_key_id", key.id}, {"created", key.created}});
    // The default key came with the home and has no time of its own.
    table.Add({key.id, key.created.starts_with("1970") ? "with the home" : key.created});
  }
  if (context.json) {
    std::puts(json.dump(2).c_str());
  } else {
    table.Print();
  }
  return kOk;
}

int Delete(const Context& context, const std::string& id) {
  auto access = Connect(context, Home::kMustExist);
  if (!access) return Report(context, access.error());
  const auto done = client::DeleteAccessKey(access->session, id);
  return done ? kOk : Report(context, done.error());
}

}  // namespace

void AddKeys(CLI::App& app, Context& context) {
  auto* keys = AddGroup(app, "keys", "Manage the access keys of the service",
                        {"clary keys list", "clary keys create"});
  AddCommand(*keys, context, "create", "Make a new access key", {"clary keys create --json"},
             [&context] { return Create(context); });
  AddCommand(*keys, context, "list", "List the access keys", {"clary keys list"},
             [&context] { return List(context); });
  const auto id = std::make_shared<std::string>();
  auto* remove = AddCommand(*keys, context, "delete", "Delete an access key",
                            {"clary keys delete AKIAEXAMPLE"},
                            [&context, id] { return Delete(context, *id); });
  remove->add_option("id", *id, "Access key id")->required();
}

}  // namespace clary::cli
