// Shell completions and manual pages, made of the tree of commands that --help shows.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

namespace clary::cli {

// The scripts for bash, zsh and fish. `app` is the whole tree.
std::string BashCompletion(const CLI::App& app);
std::string ZshCompletion(const CLI::App& app);
std::string FishCompletion(const CLI::App& app);

// man(7) pages by file name: clary.1, and clary-train.1, clary-s3-cp.1, ... one for each command.
std::map<std::string, std::string> ManualPages(const CLI::App& app);

}  // namespace clary::cli
