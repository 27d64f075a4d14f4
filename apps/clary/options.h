// Options that are checked in our own words, and the text of every way a command line can be wrong.
#pragma once

#include <CLI/CLI.hpp>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace clary::cli {

namespace internal {
// What is wrong with `text` as a whole number from `low` to `high`; empty if nothing is.
std::string CheckNumber(const std::string& text, int64_t low, int64_t high);
CLI::Option* Checked(CLI::Option* option, int64_t low, int64_t high);
}  // namespace internal

// An option whose value is a whole number from `low` to `high`.
template <std::integral T>
CLI::Option* AddNumber(CLI::App& command, const std::string& names, T& value,
                       const std::string& description, std::type_identity_t<T> low = 1,
                       std::type_identity_t<T> high = std::numeric_limits<T>::max()) {
  constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  return internal::Checked(command.add_option(names, value, description), static_cast<int64_t>(low),
                           static_cast<int64_t>(std::min(static_cast<uint64_t>(high), kMost)));
}

// An option whose value is one of `words`.
CLI::Option* AddChoice(CLI::App& command, const std::string& names, std::string& value,
                       const std::string& description, std::vector<std::string> words);

// The choices of an option that AddChoice() made; empty for others.
std::vector<std::string> ChoicesOf(const CLI::Option& option);

// The command that the words given so far name, or the nearest to it that there is.
const CLI::App& DeepestCommand(const CLI::App& app);
std::string PathOf(const CLI::App& command);  // "clary s3 cp"

// That `command` has no command `word`, and which there are.
std::string NoCommand(const CLI::App& command, const std::string& word);

// The commands of `command` that are shown.
std::vector<std::string> CommandNames(const CLI::App& command);

// An argument that takes any of these words, or several; they are suggested, not checked.
void Suggest(CLI::Option& option, const std::vector<std::string>& words);

// Lets no option of `app` and its commands take an empty value: it is always a variable that is not
// set. `exec`'s words are another program's.
void RefuseEmptyValues(CLI::App& app);

// What is wrong with a command line that `app` could not parse, where, and what to do, without the
// program's name in front.
std::string Explain(const CLI::App& app, const CLI::ParseError& error);

}  // namespace clary::cli
