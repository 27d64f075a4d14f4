// Models that answer in the service's process (docs/adr/0039-answers-in-the-services-process.md).
// What knows how is given from above: `server` knows no model.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

#include "net/http.h"

namespace clary::server {

// What an instance would answer, with its Content-Type; nullopt: it is to be asked. Any thread.
using LocalModel = std::function<std::optional<net::Response>(
    std::string_view content_type, std::string_view accept, std::string_view body)>;
// The model of the instance that answers in `directory`; null: the instance is always asked.
using LocalModels = std::function<LocalModel(const std::filesystem::path& directory)>;

}  // namespace clary::server
