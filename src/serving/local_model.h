// The model of an endpoint's instance, answering in another process than its container's
// (docs/adr/0039-answers-in-the-services-process.md).
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

#include "net/http.h"

namespace clary::serving {

// The answer that the instance would give; nullopt: it is to be asked itself. Any thread.
using LocalModel = std::function<std::optional<net::Response>(
    std::string_view content_type, std::string_view accept, std::string_view body)>;

// For the instance that answers in `directory` (docs/formats/serving-directory.md): null unless it
// has one container, with one model of the built-in algorithm of at most 64 MiB. Only answers of
// status 200 to at most 64 KiB are given; whatever is wrong the instance says, and its log.
LocalModel LoadLocalModel(const std::filesystem::path& directory);

}  // namespace clary::serving
