#include "manual.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "base/file.h"
#include "base/quote.h"
#include "base/strings.h"
#include "command.h"
#include "options.h"

namespace clary::cli {
namespace {

// An option or a positional argument, as all these texts need it.
struct OptionText {
  std::vector<std::string> names;    // with dashes; of an argument its name in capitals
  std::string value;                 // "TEXT", "N", "a|b"; empty: a flag
  std::vector<std::string> choices;  // empty: anything
  std::string description;
  bool positional = false;
  bool required = false;
};

// One command with what may follow it, its own options first.
struct CommandText {
  std::string path;  // "clary s3 cp"
  std::string name;
  std::string description;
  std::vector<OptionText> options;
  std::vector<CommandText> commands;
  std::vector<std::string> examples;
};

OptionText Read(const CLI::Option& option) {
  OptionText out{.description = option.get_description(),
                 .positional = option.get_positional(),
                 .required = option.get_required()};
  if (out.positional) {
    std::string name = option.get_name();
    for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    out.names.push_back(std::move(name));
  }
  for (const auto& name : option.get_snames()) out.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) out.names.push_back("--" + name);
  if (option.get_items_expected_max() > 0) {
    out.choices = ChoicesOf(option);
    out.value = out.choices.empty() ? option.get_type_name() : Join(out.choices, "|");
    if (out.value.empty()) out.value = "TEXT";
  }
  return out;
}

CommandText Read(const CLI::App& command) {
  CommandText out{.path = PathOf(command),
                  .name = command.get_name(),
                  .description = command.get_description()};
  for (const CLI::App* app = &command; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      if (option->get_group().empty()) continue;  // hidden
      // --help is each command's own, --version the program's.
      if (app != &command && option->get_name() == "--help") continue;
      if (app != &command && option->get_name() == "--version") continue;
      out.options.push_back(Read(*option));
    }
  }
  for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
    if (!sub->get_group().empty()) out.commands.push_back(Read(*sub));
  }
  const std::string footer = command.get_footer();
  for (const auto line : Split(footer, '\n')) {
    if (line.starts_with("  ")) out.examples.emplace_back(Trim(line));
  }
  return out;
}

bool IsOfAJob(const CommandText& command) {
  return std::ranges::any_of(command.options, [](const OptionText& o) {
    return o.positional && (o.names.front() == "JOB" || o.names.front() == "MODEL");
  });
}

template <typename Visit>
void Walk(const CommandText& command, const Visit& visit) {
  visit(command);
  for (const CommandText& sub : command.commands) Walk(sub, visit);
}

std::string AllPaths(const CommandText& root) {
  std::string out;
  Walk(root, [&](const CommandText& c) {
    if (c.path == root.path) return;
    out += fmt::format("{}{}", out.empty() ? "" : " | ", ShellQuote(c.path));
  });
  return out;
}

// "'clary train --name' | 'clary train --output'": options whose value may be anything.
std::string AnyValues(const CommandText& root) {
  std::string out;
  Walk(root, [&](const CommandText& c) {
    for (const OptionText& o : c.options) {
      if (o.positional || o.value.empty() || !o.choices.empty()) continue;
      for (const auto& name : o.names) {
        out += fmt::format("{}{}", out.empty() ? "" : " | ", ShellQuote(c.path + " " + name));
      }
    }
  });
  return out;
}

template <typename Line>
std::string Choices(const CommandText& root, const Line& line) {
  std::string out;
  Walk(root, [&](const CommandText& c) {
    for (const OptionText& o : c.options) {
      if (o.choices.empty()) continue;
      if (o.positional) continue;
      for (const auto& name : o.names) out += line(ShellQuote(c.path + " " + name), o.choices);
    }
  });
  return out;
}

// "'clary describe' | 'clary logs'": commands whose argument is a job (or its model), which the
// shell asks us for.
std::string TakeJobs(const CommandText& root) {
  std::string out;
  Walk(root, [&](const CommandText& c) {
    if (IsOfAJob(c)) out += fmt::format("{}{}", out.empty() ? "" : " | ", ShellQuote(c.path));
  });
  return out;
}

// The words of arguments that have choices.
std::vector<std::string> ArgumentWords(const CommandText& command) {
  std::vector<std::string> words;
  for (const OptionText& o : command.options) {
    if (o.positional) words.insert(words.end(), o.choices.begin(), o.choices.end());
  }
  return words;
}

std::string Roff(std::string_view text) {
  std::string out;
  if (text.starts_with('.') || text.starts_with('\'')) out = "\\&";
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::string Dashed(std::string path) {
  std::ranges::replace(path, ' ', '-');
  return path;
}

std::string Page(const CommandText& c, const CommandText& root) {
  std::string title = Dashed(c.path);
  for (char& ch : title) ch = static_cast<char>(std::toupper(static_cast<unsigned char>(ch)));
  std::string out = fmt::format(
      ".\\\" Made by `clary manual` of the commands' own descriptions.\n"
      ".TH {} 1 \"\" \"clary {}\" \"Clary\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n.B {}\n",
      Roff(title), CLARY_VERSION, Roff(Dashed(c.path)), Roff(c.description), Roff(c.path));
  if (!c.commands.empty()) out += ".I COMMAND\n";
  if (!c.options.empty()) out += "[\\fIOPTIONS\\fR]\n";
  for (const OptionText& o : c.options) {
    if (o.positional) {
      out += fmt::format("{}\\fI{}\\fR{}\n", o.required ? "" : "[", Roff(o.names.front()),
                         o.required ? "" : "]");
    }
  }
  out += fmt::format(".SH DESCRIPTION\n{}\n", Roff(c.description));
  if (!c.description.ends_with('.')) out.insert(out.size() - 1, ".");
  if (!c.commands.empty()) {
    out += ".SH COMMANDS\n";
    for (const CommandText& sub : c.commands) {
      out += fmt::format(".TP\n.BR {} (1)\n{}\n", Roff(Dashed(sub.path)), Roff(sub.description));
    }
  }
  out += ".SH OPTIONS\n";
  for (const OptionText& o : c.options) {
    std::string names;
    for (const auto& name : o.names) {
      names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", Roff(name));
    }
    if (!o.value.empty() && !o.positional) names += fmt::format(" \\fI{}\\fR", Roff(o.value));
    out += fmt::format(".TP\n{}\n{}\n", names, Roff(o.description));
    if (o.required) out.insert(out.size() - 1, " (required)");
  }
  if (!c.examples.empty()) {
    out += ".SH EXAMPLES\n.nf\n";
    for (const auto& line : c.examples) out += Roff(line) + "\n";
    out += ".fi\n";
  }
  out +=
      ".SH ENVIRONMENT\n.TP\n.B CLARY_HOME\nThe state directory, if \\-\\-home does not name it; "
      "~/.clary without both.\n.TP\n.B AWS_ENDPOINT_URL\nA service to use when none runs on the "
      "state directory.\n.TP\n.B NO_COLOR\nPrint without colours.\n"
      ".SH EXIT STATUS\n0: done. 1: it failed. 2: the command line is wrong.\n";
  if (c.path != root.path) out += fmt::format(".SH SEE ALSO\n.BR {} (1)\n", Roff(root.name));
  return out;
}

}  // namespace

std::string BashCompletion(const CLI::App& app) {
  const CommandText root = Read(app);
  std::string words;
  Walk(root, [&](const CommandText& c) {
    std::vector<std::string> all = ArgumentWords(c);
    for (const CommandText& sub : c.commands) all.push_back(sub.name);
    std::vector<std::string> options;
    for (const OptionText& o : c.options) {
      if (!o.positional) options.insert(options.end(), o.names.begin(), o.names.end());
    }
    words += fmt::format("    {}) words={} options={} ;;\n", ShellQuote(c.path),
                         ShellQuote(Join(all, " ")), ShellQuote(Join(options, " ")));
  });
  return fmt::format(
      R"bash(# bash completion for clary, made by `clary completion bash`
_clary() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} path=clary words= options= i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case "$path ${{COMP_WORDS[i]}}" in
    {}) path="$path ${{COMP_WORDS[i]}}" ;;
    esac
  done
  COMPREPLY=()
  case "$path $prev" in
{}    {}) return ;;  # the shell's own: files
  esac
  case "$path" in
{}  esac
  case "$path" in
    {}) words=$("${{COMP_WORDS[0]}}" jobs --quiet --max 1000 2>/dev/null) ;;
  esac
  if [[ $cur == -* ]]; then words=$options; fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o default -F _clary clary
)bash",
      AllPaths(root),
      Choices(root,
              [](const std::string& at, const std::vector<std::string>& choices) {
                return fmt::format("    {}) COMPREPLY=($(compgen -W {} -- \"$cur\")); return ;;\n",
                                   at, ShellQuote(Join(choices, " ")));
              }),
      AnyValues(root), words, TakeJobs(root));
}

std::string ZshCompletion(const CLI::App& app) {
  const CommandText root = Read(app);
  // _describe takes "name:description".
  const auto entry = [](const std::string& name, std::string text) {
    std::ranges::replace(text, ':', ';');
    return ShellQuote(name + ":" + text);
  };
  std::string tables;
  Walk(root, [&](const CommandText& c) {
    std::string commands;
    for (const CommandText& sub : c.commands) commands += entry(sub.name, sub.description) + " ";
    for (const auto& word : ArgumentWords(c)) commands += entry(word, "") + " ";
    std::string options;
    for (const OptionText& o : c.options) {
      if (o.positional) continue;
      for (const auto& name : o.names) options += entry(name, o.description) + " ";
    }
    tables += fmt::format("    {})\n      commands=({})\n      options=({}) ;;\n",
                          ShellQuote(c.path), commands, options);
  });
  return fmt::format(
      R"zsh(#compdef clary
# zsh completion for clary, made by `clary completion zsh`
_clary() {{
  local at=clary word
  local -a commands options
  for word in ${{words[2,CURRENT-1]}}; do
    case "$at $word" in
    {}) at="$at $word" ;;
    esac
  done
  case "$at ${{words[CURRENT-1]}}" in
{}    {}) _files; return ;;
  esac
  case "$at" in
{}  esac
  case "$at" in
    {}) commands=(${{(f)"$(${{words[1]}} jobs --quiet --max 1000 2>/dev/null)"}}) ;;
  esac
  if [[ $PREFIX == -* ]]; then
    _describe option options
  elif (( $#commands )); then
    _describe command commands
  else
    _files
  fi
}}
if [[ $funcstack[1] == _clary ]]; then _clary "$@"; else compdef _clary clary; fi
)zsh",
      AllPaths(root),
      Choices(root,
              [](const std::string& at, const std::vector<std::string>& choices) {
                return fmt::format("    {}) compadd -- {}; return ;;\n", at, Join(choices, " "));
              }),
      AnyValues(root), tables, TakeJobs(root));
}

std::string FishCompletion(const CLI::App& app) {
  const CommandText root = Read(app);
  std::string paths;
  std::string lines;
  Walk(root, [&](const CommandText& c) {
    if (c.path != root.path) paths += " " + ShellQuote(c.path);
    const std::string at =
        fmt::format("complete -c clary -n {}", ShellQuote("__clary_at " + c.path));
    for (const CommandText& sub : c.commands) {
      lines += fmt::format("{} -f -a {} -d {}\n", at, sub.name, ShellQuote(sub.description));
    }
    if (IsOfAJob(c)) lines += at + " -f -a '(clary jobs --quiet --max 1000 2>/dev/null)'\n";
    for (const auto& word : ArgumentWords(c)) lines += fmt::format("{} -f -a {}\n", at, word);
    for (const OptionText& o : c.options) {
      if (o.positional) continue;
      lines += at;
      for (const auto& name : o.names) {
        lines += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      if (!o.choices.empty()) {
        lines += " -x -a " + ShellQuote(Join(o.choices, " "));
      } else if (!o.value.empty()) {
        lines += " -r";
      }
      lines += " -d " + ShellQuote(o.description) + "\n";
    }
  });
  return fmt::format(
      R"(# fish completion for clary, made by `clary completion fish`
function __clary_at
    set -l at clary
    for word in (commandline -opc)[2..-1]
        switch "$at $word"
            case{}
                set at "$at $word"
        end
    end
    test "$at" = "$argv"
end
{})",
      paths, lines);
}

std::map<std::string, std::string> ManualPages(const CLI::App& app) {
  const CommandText root = Read(app);
  std::map<std::string, std::string> pages;
  Walk(root, [&](const CommandText& c) { pages[Dashed(c.path) + ".1"] = Page(c, root); });
  return pages;
}

void AddCompletion(CLI::App& app, Context& context) {
  const auto shell = std::make_shared<std::string>();
  auto* completion =
      AddCommand(app, context, "completion", "Print the completions for a shell",
                 {"eval \"$(clary completion bash)\"", "source <(clary completion zsh)",
                  "clary completion fish > ~/.config/fish/completions/clary.fish"},
                 [&app, shell] {
                   const std::string script = *shell == "bash"  ? BashCompletion(app)
                                              : *shell == "zsh" ? ZshCompletion(app)
                                                                : FishCompletion(app);
                   std::fwrite(script.data(), 1, script.size(), stdout);
                   return kOk;
                 });
  AddChoice(*completion, "shell", *shell, "bash, zsh or fish", {"bash", "zsh", "fish"})->required();
}

void AddManual(CLI::App& app, Context& context) {
  const auto directory = std::make_shared<std::string>();
  auto* manual = AddCommand(app, context, "manual",
                            "Write completions and manual pages below a folder, as in share/",
                            {"clary manual /usr/local/share"}, [&app, &context, directory] {
                              std::map<std::string, std::string> files = {
                                  {"bash-completion/completions/clary", BashCompletion(app)},
                                  {"zsh/site-functions/_clary", ZshCompletion(app)},
                                  {"fish/vendor_completions.d/clary.fish", FishCompletion(app)}};
                              for (auto& [name, text] : ManualPages(app))
                                files["man/man1/" + name] = std::move(text);
                              for (const auto& [name, text] : files) {
                                const auto path = std::filesystem::path(*directory) / name;
                                Status done = MakeDirectories(path.parent_path());
                                if (done) done = WriteFileAtomic(path, text);
                                if (!done) return Report(context, done.error());
                              }
                              return kOk;
                            });
  manual->add_option("folder", *directory, "Where share/ is")->required();
  manual->group("");  // for whoever installs
}

}  // namespace clary::cli
