#include "manual.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "command.h"
#include "options.h"

namespace clary::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ManualTest : public testing::Test {
 protected:
  ManualTest() { Describe(app_, context_, home_); }

  // Every command that people see.
  void ForEach(const std::function<void(const CLI::App&)>& visit) {
    const std::function<void(const CLI::App&)> walk = [&](const CLI::App& command) {
      visit(command);
      for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
        if (!sub->get_group().empty()) walk(*sub);
      }
    };
    walk(app_);
  }

  Context context_;
  std::filesystem::path home_;
  CLI::App app_;
};

TEST_F(ManualTest, EveryCommandHasAPageWithItsOptionsAndExamples) {
  const auto pages = ManualPages(app_);
  size_t commands = 0;
  ForEach([&](const CLI::App& command) {
    ++commands;
    std::string file = PathOf(command) + ".1";
    std::ranges::replace(file, ' ', '-');
    ASSERT_TRUE(pages.contains(file)) << file;
    std::string page = pages.at(file);
    EXPECT_THAT(page, testing::ContainsRegex(".SH EXAMPLES\n.nf\n[^\n]*clary ")) << file;
    std::erase(page, '\\');
    for (const CLI::Option* option : command.get_options()) {
      if (option->get_group().empty()) continue;  // hidden
      for (const auto& name : option->get_lnames()) {
        EXPECT_THAT(page, HasSubstr("--" + name)) << file;
      }
      EXPECT_THAT(page, HasSubstr(option->get_description())) << file;
    }
  });
  EXPECT_EQ(pages.size(), commands);
  EXPECT_FALSE(pages.contains("clary-manual.1"));  // hidden
}

TEST_F(ManualTest, PagesAreWellFormed) {
  for (const auto& [file, page] : ManualPages(app_)) {
    EXPECT_TRUE(page.starts_with(".\\\"")) << file;
    size_t begin = 0;
    while (begin < page.size()) {
      const size_t end = page.find('\n', begin);
      ASSERT_NE(end, page.npos) << file;
      const std::string line = page.substr(begin, end - begin);
      EXPECT_FALSE(line.empty()) << file;
      if (line.starts_with('.')) {
        EXPECT_THAT(line, testing::ContainsRegex("^\\.(\\\\\"|TH|SH|TP|B|BR|I|nf|fi)( |$)"))
            << file;
      }
      EXPECT_FALSE(line.starts_with('\'')) << file;
      begin = end + 1;
    }
  }
}

TEST_F(ManualTest, CompletionsKnowEveryCommandOptionAndChoice) {
  const std::string scripts[] = {BashCompletion(app_), ZshCompletion(app_), FishCompletion(app_)};
  ForEach([&](const CLI::App& command) {
    for (const auto& script : scripts) {
      EXPECT_THAT(script, HasSubstr(PathOf(command)));
      for (const CLI::Option* option : command.get_options()) {
        if (option->get_group().empty()) continue;
        const bool fish = &script == &scripts[2];
        for (const auto& name : option->get_lnames()) {
          EXPECT_THAT(script, HasSubstr((fish ? "-l " : "--") + name));
        }
        for (const auto& word : ChoicesOf(*option)) EXPECT_THAT(script, HasSubstr(word));
      }
    }
  });
  for (const auto& script : scripts) EXPECT_THAT(script, Not(HasSubstr("clary manual")));
}

}  // namespace
}  // namespace clary::cli
