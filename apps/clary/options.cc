#include "options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/strings.h"
#include "base/suggest.h"
#include "xgboost/hyperparameters.h"

namespace clary::cli {
namespace {

// How a choice's words are kept in an option: CLI11 shows this behind the option's name.
constexpr std::string_view kOneOf = "{";

std::string Listed(const std::vector<std::string>& words) { return Join(words, ", "); }

std::string Suggestion(std::string_view given, const std::vector<std::string>& words) {
  const std::vector<std::string_view> views(words.begin(), words.end());
  return DidYouMean(given, views);
}

std::string HelpHint(const CLI::App& command) {
  return "\n  " + PathOf(command) + " --help shows how it is used";
}

// The names of the options of `command` and of those above it, with their dashes.
std::vector<std::string> OptionNames(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* app = &command; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
      for (const auto& name : option->get_snames()) names.push_back("-" + name);
    }
  }
  return names;
}

const CLI::Option* Find(const CLI::App& command, std::string_view name) {
  for (const CLI::App* app = &command; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      if (option->get_name() == name) return option;
    }
  }
  return nullptr;
}

// A word that no option and no command took.
std::string Unexpected(const CLI::App& command, const std::string& word) {
  if (word.size() > 1 && word.starts_with('-')) {
    const std::string name = word.substr(0, word.find('='));
    std::string parameter = name.substr(std::min<size_t>(2, name.size()));
    std::string option = parameter;
    std::ranges::replace(parameter, '-', '_');
    std::ranges::replace(option, '_', '-');
    if (Find(command, "--param") != nullptr && Find(command, "--" + option) == nullptr &&
        xgboost::IsHyperparameter(parameter)) {
      return fmt::format(
          "{} has no option {}: {} is a hyperparameter, which -P gives, as in -P {}=...",
          PathOf(command), name, parameter, parameter);
    }
    return fmt::format("{} has no option {}.{}{}", PathOf(command), name,
                       name.starts_with("--") ? Suggestion(name, OptionNames(command)) : "",
                       HelpHint(command));
  }
  if (!CommandNames(command).empty()) return NoCommand(command, word);
  return fmt::format("{} does not know what to do with '{}'{}", PathOf(command), word,
                     HelpHint(command));
}

// "--train (File or directory to train on)" or "JOB (Name of the job)".
std::string Named(const CLI::App& command, const std::string& name) {
  const CLI::Option* option = Find(command, name);
  std::string shown = name;
  if (option != nullptr && option->get_positional()) {
    for (char& c : shown) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  if (option == nullptr || option->get_description().empty()) return shown;
  return fmt::format("{} ({})", shown, option->get_description());
}

}  // namespace

namespace internal {

std::string CheckNumber(const std::string& text, int64_t low, int64_t high) {
  const auto number = ParseInt(text);
  if (number && *number >= low && *number <= high) return {};
  const bool open = high >= std::numeric_limits<int32_t>::max();
  return fmt::format(
      "'{}' is not a whole number {}", text,
      open ? fmt::format("of at least {}", low) +
                 (number && *number > high ? fmt::format(" and at most {}", high) : "")
           : fmt::format("from {} to {}", low, high));
}

CLI::Option* Checked(CLI::Option* option, int64_t low, int64_t high) {
  return option->type_name("N")->check(CLI::Validator(
      [low, high](const std::string& text) { return CheckNumber(text, low, high); }, ""));
}

}  // namespace internal

std::vector<std::string> CommandNames(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
    if (!sub->get_group().empty()) names.push_back(sub->get_name());
  }
  return names;
}

std::string NoCommand(const CLI::App& command, const std::string& word) {
  const auto commands = CommandNames(command);
  return fmt::format("there is no command '{} {}'.{}\n  there are: {}", PathOf(command), word,
                     Suggestion(word, commands), Listed(commands));
}

void Suggest(CLI::Option& option, const std::vector<std::string>& words) {
  option.type_name(std::string(kOneOf) + Join(words, "|") + "}");
}

void RefuseEmptyValues(CLI::App& app) {
  if (app.get_name() == "exec") return;
  for (CLI::Option* option : app.get_options()) {
    if (option->get_items_expected_max() == 0) continue;
    option->check(CLI::Validator(
        [](const std::string& text) { return text.empty() ? "it is empty" : std::string(); }, ""));
  }
  for (CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    RefuseEmptyValues(*sub);
  }
}

CLI::Option* AddChoice(CLI::App& command, const std::string& names, std::string& value,
                       const std::string& description, std::vector<std::string> words) {
  auto* option = command.add_option(names, value, description);
  Suggest(*option, words);
  return option->check(CLI::Validator(
      [words = std::move(words)](const std::string& text) {
        if (std::ranges::find(words, text) != words.end()) return std::string();
        return fmt::format("'{}' is not one of {}.{}", text, Listed(words),
                           Suggestion(text, words));
      },
      ""));
}

std::vector<std::string> ChoicesOf(const CLI::Option& option) {
  std::string type = option.get_type_name();
  if (!type.starts_with(kOneOf)) return {};
  type = type.substr(kOneOf.size(), type.size() - kOneOf.size() - 1);
  std::vector<std::string> words;
  for (const auto word : Split(type, '|')) words.emplace_back(word);
  return words;
}

const CLI::App& DeepestCommand(const CLI::App& app) {
  const CLI::App* deepest = &app;
  while (!deepest->get_subcommands().empty()) deepest = deepest->get_subcommands().front();
  return *deepest;
}

std::string PathOf(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? command.get_name() : PathOf(*parent) + " " + command.get_name();
}

namespace {

std::string Message(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = DeepestCommand(app);
  const std::string text = error.what();
  // A word too many explains more than what it makes missing: `--trian x` for `--train x`.
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr ||
      dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    const auto left = app.remaining(true);
    const auto option = std::ranges::find_if(
        left, [](const std::string& word) { return word.size() > 1 && word.starts_with('-'); });
    if (!left.empty()) return Unexpected(command, option != left.end() ? *option : left.front());
  }
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    const auto commands = CommandNames(command);
    if (!commands.empty()) {
      return fmt::format("{} needs a command: {}{}", PathOf(command), Listed(commands),
                         HelpHint(command));
    }
    return fmt::format("{} needs {}{}", PathOf(command),
                       Named(command, text.substr(0, text.find(' '))), HelpHint(command));
  }
  if (dynamic_cast<const CLI::ValidationError*>(&error) != nullptr) {
    return fmt::format("{} {}", PathOf(command), text);
  }
  for (const CLI::App* at = &command; at != nullptr; at = at->get_parent()) {
    for (const CLI::Option* option : at->get_options()) {
      const std::string name = option->get_name();
      if (option->get_items_expected_max() == 0) {  // a flag
        if (text.find(name) != std::string::npos) {
          return fmt::format("{} {}: it is given once and takes no value", PathOf(command), name);
        }
      } else if (option->count() > static_cast<size_t>(option->get_items_expected_max())) {
        return fmt::format("{} {}: it is given {} times, but takes one value", PathOf(command),
                           name, option->count());
      }
    }
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    return fmt::format("{} {} needs a value{}", PathOf(command),
                       Named(command, text.substr(0, text.find(':'))), HelpHint(command));
  }
  return fmt::format("{}: {}", PathOf(command), text);
}

}  // namespace

std::string Explain(const CLI::App& app, const CLI::ParseError& error) {
  std::string message = Message(app, error);
  const std::string program = app.get_name() + " ";
  return message.starts_with(program) ? message.substr(program.size()) : message;
}

}  // namespace clary::cli
