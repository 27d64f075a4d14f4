#include "options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "command.h"
#include "terminal.h"

namespace clary::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// The message for a command line that is wrong; "" for one that is not.
std::string Wrong(std::vector<std::string> words) {
  Context context;
  std::filesystem::path home;
  CLI::App app;
  Describe(app, context, home);
  std::ranges::reverse(words);  // as CLI11 wants them
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    return Explain(app, error);
  }
  return "";
}

TEST(Explain, SuggestsCommandsOptionsAndChoices) {
  EXPECT_THAT(Wrong({"trian"}), AllOf(HasSubstr("there is no command 'clary trian'"),
                                      HasSubstr("Did you mean train?"), HasSubstr("serve")));
  EXPECT_THAT(Wrong({"s3", "copy", "a", "b"}),
              AllOf(HasSubstr("'clary s3 copy'"), HasSubstr("ls, cp, rm, mb, rb")));
  EXPECT_THAT(Wrong({"keys", "lst"}), HasSubstr("Did you mean list?"));
  EXPECT_THAT(Wrong({"train", "--train", "x", "--num-rounds", "5"}),
              AllOf(HasSubstr("train has no option --num-rounds."),
                    HasSubstr("Did you mean --num-round?"), HasSubstr("clary train --help")));
  for (const char* word : {"--max-depth", "--max_depth", "--max-depth=3"}) {
    EXPECT_THAT(Wrong({"train", "--train", "x", word}),
                HasSubstr("max_depth is a hyperparameter, which -P gives, as in -P max_depth="));
  }
  EXPECT_THAT(Wrong({"train", "--train", "x", "--num_round", "5"}),
              HasSubstr("Did you mean --num-round?"));
  EXPECT_THAT(Wrong({"jobs", "--max-depth", "3"}), Not(HasSubstr("hyperparameter")));
  EXPECT_THAT(Wrong({"train", "--trian", "x"}), HasSubstr("Did you mean --train?"));
  EXPECT_THAT(Wrong({"train", "--train=x", "--num-rounds=5"}),
              HasSubstr("Did you mean --num-round?"));
  EXPECT_THAT(Wrong({"jobs", "--jsn"}), HasSubstr("Did you mean --json?"));
  EXPECT_THAT(Wrong({"jobs", "--status", "completed"}),
              AllOf(HasSubstr("jobs --status:"), HasSubstr("'completed' is not one of"),
                    HasSubstr("Did you mean Completed?")));
  EXPECT_THAT(Wrong({"jobs", "my-job"}), HasSubstr("does not know what to do with 'my-job'"));
}

TEST(Explain, SaysWhatIsMissing) {
  EXPECT_THAT(Wrong({}), AllOf(HasSubstr("needs a command"), HasSubstr("train")));
  EXPECT_THAT(Wrong({"s3"}), HasSubstr("s3 needs a command: ls, cp, rm, mb"));
  EXPECT_THAT(Wrong({"train"}), HasSubstr("train needs --train (File"));
  EXPECT_THAT(Wrong({"describe"}), HasSubstr("describe needs JOB (Name of the job)"));
  EXPECT_THAT(Wrong({"s3", "cp", "a"}), HasSubstr("s3 cp needs TO ("));
  EXPECT_THAT(Wrong({"train", "--train"}), HasSubstr("train --train (File"));
  EXPECT_THAT(Wrong({"train", "--train"}), HasSubstr("needs a value"));
}

TEST(Explain, SaysWhatIsTooMuch) {
  EXPECT_THAT(Wrong({"train", "--train", "a", "--train", "b"}),
              HasSubstr("train --train: it is given 2 times, but takes one value"));
  EXPECT_THAT(Wrong({"jobs", "--rules=maybe"}), HasSubstr("jobs --rules: it is given once"));
}

// Every checked number of every command, at and beyond both ends: our words and short ones.
TEST(Explain, ChecksNumbersInItsOwnWords) {
  EXPECT_EQ(Wrong({"train", "--train", "x", "--num-round", "0"}),
            "train --num-round: '0' is not a whole number of at least 1");
  EXPECT_EQ(Wrong({"train", "--train", "x", "--num-round", "2147483647"}), "");
  EXPECT_EQ(Wrong({"train", "--train", "x", "--num-round", "2147483648"}),
            "train --num-round: '2147483648' is not a whole number of at least 1 and at most "
            "2147483647");
  EXPECT_EQ(Wrong({"serve", "--port", "0"}), "");
  EXPECT_EQ(Wrong({"serve", "--port", "65536"}),
            "serve --port: '65536' is not a whole number from 0 to 65535");
  EXPECT_EQ(Wrong({"bench", "--depth", "16"}), "");
  EXPECT_EQ(Wrong({"bench", "--depth", "17"}),
            "bench --depth: '17' is not a whole number from 1 to 16");

  Context context;
  std::filesystem::path home;
  CLI::App app;
  Describe(app, context, home);
  int numbers = 0;
  const auto check = [&](const CLI::App& command) {
    for (const CLI::Option* option : command.get_options()) {
      if (option->get_type_name() != "N") continue;
      ++numbers;
      for (const char* value : {"-1", "1e3", "x", "", "99999999999999999999", "0x10", "1 "}) {
        std::vector<std::string> words = {command.get_name(), option->get_name(), value};
        if (command.get_name() == "train") words.insert(words.end(), {"--train", "x"});
        const std::string wrong = Wrong(words);
        EXPECT_THAT(wrong, HasSubstr("is not a whole number")) << option->get_name() << value;
        EXPECT_LT(wrong.size(), 120U) << wrong;
      }
    }
  };
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    check(*command);
  }
  EXPECT_GE(numbers, 11);
}

// No option keeps a check whose words are the library's.
TEST(Options, AreOfOurTypes) {
  Context context;
  std::filesystem::path home;
  CLI::App app;
  Describe(app, context, home);
  const std::function<void(const CLI::App&)> check = [&](const CLI::App& command) {
    for (const CLI::Option* option : command.get_options()) {
      EXPECT_THAT(option->get_type_name(), Not(testing::AnyOf("INT", "UINT", "FLOAT")))
          << PathOf(command) << " " << option->get_name();
    }
    for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
      check(*sub);
    }
  };
  check(app);
}

TEST(Options, TellTheirChoices) {
  CLI::App app;
  std::string value;
  EXPECT_THAT(ChoicesOf(*AddChoice(app, "--of", value, "", {"a", "b"})),
              testing::ElementsAre("a", "b"));
  EXPECT_THAT(ChoicesOf(*app.add_option("--other", value)), testing::IsEmpty());
}

TEST(LogLine, KeepsControlCodesFromTerminals) {
  EXPECT_EQ(LogLine("a\x1b[2Jb\tc", true), "a?[2Jb\tc");
  EXPECT_EQ(LogLine("\r10%\r20%\r", true), "20%");
  EXPECT_EQ(LogLine("\tx\t", true), "\tx\t");
  EXPECT_EQ(LogLine("", true), "");
  EXPECT_EQ(LogLine("a\x1b[2J\r", false), "a\x1b[2J\r");
}

}  // namespace
}  // namespace clary::cli
