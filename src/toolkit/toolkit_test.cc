#include "toolkit/toolkit.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/testing/golden.h"
#include "toolkit/internal/python_value.h"
#include "toolkit/metric_pattern.h"

namespace clary::toolkit {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

Script Minimal() {
  Script s;
  s.hyperparameters = {{"sagemaker_program", "\"train.py\""}};
  s.resource_config =
      R"({"current_host":"algo-1","hosts":["algo-1"],"network_interface_name":"eth0",
      "current_instance_type":"ml.m5.large","current_group_name":"homogeneousCluster",
      "instance_groups":[{"instance_group_name":"homogeneousCluster","instance_type":"ml.m5.large",
                          "hosts":["algo-1"]}]})";
  s.python = "py";
  return s;
}

TEST(FailureCause, OfARankOfMpi) {
  const std::string text = WithoutTags(
      "[1,1]<stderr>:Traceback (most recent call last):\n[1,1]<stderr>:  File \"train.py\", line "
      "9\n"
      "[1,1]<stderr>:    raise ValueError()\n[1,1]<stderr>:ValueError[1,1]<stderr>:: of rank 1\n"
      "[1,0]<stdout>:a [1] line\n");
  Failure failure;
  failure.stderr_text = text;
  EXPECT_EQ(FailureCause(failure), "ValueError: of rank 1");
}

TEST(PythonValue, ReadsAsPythonDoes) {
  EXPECT_EQ(DecodeOrText("3"), Value(3));
  EXPECT_EQ(DecodeOrText(" \"a\" "), Value("a"));
  for (const char* text :
       {"plain text", "", "01", "{", "True", "'a'", "123456789012345678901234567890"}) {
    EXPECT_EQ(DecodeOrText(text), Value(text)) << text;
  }
}

TEST(PythonValue, TakesNoBottomlessDocument) {
  const std::string deep = std::string(1000, '[') + std::string(1000, ']');
  EXPECT_EQ(DecodeOrText(deep), Value(deep));
}

TEST(PythonValue, WritesAsPythonDoes) {
  const auto str = [](const char* text) { return PythonStr(DecodeOrText(text)); };
  EXPECT_EQ(str("0.1"), "0.1");
  EXPECT_EQ(str("1.0"), "1.0");
  EXPECT_EQ(str("1e-5"), "1e-05");
  EXPECT_EQ(str("0.0001"), "0.0001");
  EXPECT_EQ(str("1e15"), "1000000000000000.0");
  EXPECT_EQ(str("1e16"), "1e+16");
  EXPECT_EQ(str("-2.5e300"), "-2.5e+300");
  EXPECT_EQ(str("NaN"), "nan");
  EXPECT_EQ(str("-Infinity"), "-inf");
  EXPECT_EQ(str("true"), "True");
  EXPECT_EQ(str(R"([1, 2.0, "x", "it's", "a\"'b", null, false, {"k": [ ]}, "\n\u0001"])"),
            R"([1, 2.0, 'x', "it's", 'a"\'b', None, False, {'k': []}, '\n\x01'])");
  EXPECT_EQ(PythonJson(DecodeOrText(R"({"b": [1, 2.50], "a": "é😀", "c": null})")),
            R"({"a":"\u00e9\ud83d\ude00","b":[1,2.5],"c":null})");
  EXPECT_EQ(PythonJson(DecodeOrText(R"({"b": [1], "a": {}, "c": []})"), true),
            "{\n    \"a\": {},\n    \"b\": [\n        1\n    ],\n    \"c\": []\n}");
}

TEST(MakeCommand, GivesEveryValueAsOneWord) {
  Script s = Minimal();
  s.hyperparameters.insert({{"list", "[1, 2]"},
                            {"name", "\"a b\""},
                            {"nested", R"({"b": 2, "a": "x"})"},
                            {"none", "null"},
                            {"x", "7"},
                            {"flag", "true"},
                            {"_tuning_objective_metric", "loss"},
                            {"sagemaker_other_enabled", "true"}});
  const auto c = MakeCommand(s);
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->argv, (Words{"py", "--", "train.py", "--flag", "True", "--list", "[1, 2]", "--name",
                            "a b", "--nested", "a=x,b=2", "--none", "", "-x", "7"}));
  EXPECT_TRUE(c->install.empty());
  EXPECT_EQ(c->environment.at("SM_HP_NAME"), "a b");
  EXPECT_EQ(c->environment.at("SM_HP_NONE"), "");
  EXPECT_EQ(c->environment.at("SM_HP_NESTED"), R"({"a":"x","b":2})");
  EXPECT_EQ(c->environment.at("SM_FRAMEWORK_PARAMS"), R"({"sagemaker_other_enabled":true})");
  EXPECT_FALSE(c->environment.contains("SM_HP__TUNING_OBJECTIVE_METRIC"));
}

TEST(MakeCommand, KindsOfEntryPoints) {
  Script s = Minimal();
  s.has_requirements = true;
  EXPECT_EQ(MakeCommand(s)->install,
            (Words{"py", "-m", "pip", "install", "-r", "requirements.txt"}));
  s.has_setup_py = true;
  EXPECT_EQ(MakeCommand(s)->argv, (Words{"py", "-m", "train"}));
  EXPECT_EQ(MakeCommand(s)->install,
            (Words{"py", "-m", "pip", "install", ".", "-r", "requirements.txt"}));
  s.hyperparameters["sagemaker_program"] = "bin/go.sh";
  s.hyperparameters["a"] = "\"it's $HOME\"";
  EXPECT_EQ(MakeCommand(s)->argv, (Words{"/bin/sh", "-c", "./bin/go.sh -a 'it'\"'\"'s $HOME'"}));
  EXPECT_TRUE(MakeCommand(s)->install.empty());
  // XGBoost's container runs a module, whatever lies beside it.
  s = Minimal();
  s.stack = Stack::kContainers;
  EXPECT_EQ(MakeCommand(s)->argv, (Words{"py", "-m", "train"}));
  EXPECT_FALSE(MakeCommand(s)->environment.contains("SM_CURRENT_INSTANCE_TYPE"));
  EXPECT_FALSE(MakeCommand(s)->environment.contains("SM_INSTANCE_GROUPS"));
  EXPECT_EQ(MakeCommand(s)->environment.at("SM_HOSTS"), R"(["algo-1"])");
}

TEST(MakeCommand, VariablesNameTheProgramAndItsCode) {
  Script s = Minimal();
  s.environment = {{"SAGEMAKER_PROGRAM", "other.py"},
                   {"SAGEMAKER_SUBMIT_DIRECTORY", "s3://b/e.tar.gz"},
                   {"SM_MODEL_DIR", "/elsewhere"},
                   {"PYTHONPATH", "/lib"},
                   {"MINE", "line\nbreak"}};
  const auto c = MakeCommand(s);
  EXPECT_EQ(c->entry_point, "other.py");
  EXPECT_EQ(c->submit_directory, "s3://b/e.tar.gz");
  EXPECT_EQ(c->environment.at("SM_MODEL_DIR"), "/opt/ml/model");
  EXPECT_EQ(c->environment.at("PYTHONPATH"), "/opt/ml/code:/lib");
  EXPECT_EQ(c->environment.at("MINE"), "line\nbreak");
  s.hyperparameters["sagemaker_submit_directory"] = "\"s3://b/h.tar.gz\"";
  EXPECT_EQ(MakeCommand(s)->submit_directory, "s3://b/h.tar.gz");
  EXPECT_TRUE(IsScriptMode({}, s.environment));
  EXPECT_FALSE(IsScriptMode({{"eta", "1"}}, {}));
}

TEST(MakeCommand, FrameworksAddTheirOwn) {
  Script s;
  s.hyperparameters = {{"sagemaker_program", "train.py"},
                       {"sagemaker_job_name", "\"j-1\""},
                       {"_tuning_objective_metric", "\"loss\""},
                       {"model_dir", "\"s3://b/models\""}};
  s.resource_config =
      R"({"current_host": "algo-2", "hosts": ["algo-1", "algo-2"], "network_interface_name": "eth0"})";
  const auto words = [&] {
    const auto argv = MakeCommand(s)->argv;
    return Words(argv.end() - 2, argv.end());
  };
  EXPECT_EQ(words(), (Words{"--model_dir", "s3://b/models"}));
  EXPECT_FALSE(MakeCommand(s)->environment.contains("MASTER_ADDR"));
  s.torch = true;
  s.environment = {{"MASTER_PORT", "9"}};
  const auto env = MakeCommand(s)->environment;
  EXPECT_EQ(env.at("MASTER_ADDR"), "algo-1");
  EXPECT_EQ(env.at("MASTER_PORT"), "9");
  EXPECT_EQ(env.at("NCCL_SOCKET_IFNAME"), "eth0");
  s.tensorflow = true;
  EXPECT_EQ(words(), (Words{"--model_dir", "s3://b/models/j-1/model"}));
  s.hyperparameters["model_dir"] = "\"/opt/ml/model\"";
  EXPECT_EQ(words(), (Words{"--model_dir", "/opt/ml/model"}));
}

TEST(MakeCommand, RefusesEntryPointsThatAreNoPlainPath) {
  const auto refused = [](const char* name) {
    Script s = Minimal();
    s.hyperparameters["sagemaker_program"] = name;
    const auto c = MakeCommand(s);
    return c ? "" : c.error().message;
  };
  EXPECT_EQ(refused("a/b-c_d+.py"), "");
  EXPECT_EQ(refused("my train.py")
                .find("The training entry point 'my train.py' cannot be used because it contains "
                      "the character(s) ' '. "),
            0U);
  EXPECT_NE(refused("a;b|c").find("the character(s) ';', '|'"), std::string::npos);
  EXPECT_NE(refused("").find("is empty"), std::string::npos);
  for (const char* name : {"-c", "/etc/x.py", "../x.py", "a/./b.py", "a//b.py", "+x.py", "é.py"}) {
    EXPECT_NE(refused(name), "") << name;
  }
  Script s = Minimal();
  s.resource_config = "[]";
  EXPECT_EQ(MakeCommand(s).error().message, "resourceconfig.json is no JSON object");
}

TEST(MakeCommand, TellsTheLogAndNoSecrets) {
  Script s = Minimal();
  s.environment = {{"PASSWORD", "secret"}};
  const auto lines = MakeCommand(s)->log;
  ASSERT_GT(lines.size(), 10U);
  EXPECT_EQ(lines.front(), "sagemaker-training-toolkit INFO     Invoking user script");
  EXPECT_EQ(Words(lines.end() - 4, lines.end()),
            (Words{"Invoking script with the following command:", "", "py -- train.py", ""}));
  for (const std::string& line : lines) EXPECT_EQ(line.find("secret"), std::string::npos);
  s.hyperparameters["sagemaker_container_log_level"] = "30";
  EXPECT_TRUE(MakeCommand(s)->log.empty());
}

constexpr std::string_view kTraceback =
    "working\nTraceback (most recent call last):\n  File \"/opt/ml/code/train.py\", line 2, in "
    "<module>\n    f()\n  File \"/opt/ml/code/train.py\", line 1, in f\n    def f(): raise "
    "ValueError(\"bad value: 42\")\n             ^^^^^^^^^\nValueError: bad value: 42\n";

TEST(Failure, TextIsTheToolkits) {
  const Words argv = {"py", "--", "train.py", "--name", "a b"};
  EXPECT_EQ(
      FailureText({.exit_code = 3, .argv = argv, .stderr_text = kTraceback}),
      "ExecuteUserScriptError:\nExitCode 3\nErrorMessage \"\"\nCommand \"py -- train.py --name "
      "a b\"");
  EXPECT_EQ(
      FailureText({.argv = argv, .stderr_text = kTraceback, .capture = true}),
      "ExecuteUserScriptError:\nExitCode 1\nErrorMessage \"def f(): raise ValueError(\"bad "
      "value: 42\")\n ^^^^^^^^^\n ValueError: bad value: 42\"\nCommand \"py -- train.py --name "
      "a b\"");
  EXPECT_EQ(FailureText({.exit_code = 137, .argv = argv}),
            "ExecuteUserScriptError:\nExitCode 137\nErrorMessage \"\"\nExtraInfo \"OutOfMemory: "
            "Process killed by SIGKILL (signal 9)\"\nCommand \"py -- train.py --name a b\"");
  EXPECT_EQ(FailureText({.stack = Stack::kContainers, .argv = {"py", "-m", "train"}}),
            "ExecuteUserScriptError:\nCommand \"py -m train\"");
}

TEST(Failure, CauseMayComeWithoutATraceback) {
  const auto cause = [](int code, const std::string& output) {
    Failure failure;
    failure.exit_code = code;
    failure.stderr_text = output;
    return FailureCause(failure);
  };
  EXPECT_EQ(cause(127, "/bin/sh: 1: ./run.sh: not found\n"), "/bin/sh: 1: ./run.sh: not found");
  EXPECT_EQ(cause(2, "usage: train.py [-h]\ntrain.py: error: unrecognized arguments: True\n"),
            "train.py: error: unrecognized arguments: True");
  EXPECT_EQ(cause(1, "/p/python: can't find '__main__' module in '/opt/ml/code/train.py'\n"),
            "/p/python: can't find '__main__' module in '/opt/ml/code/train.py'");
}

TEST(Failure, CauseOfAGroupOfExceptions) {
  Failure failure;
  failure.exit_code = 1;
  failure.stderr_text =
      "  + Exception Group Traceback (most recent call last):\n  |   File \"t.py\", line 1, in "
      "<module>\n"
      "  |     raise ExceptionGroup('g', [ValueError(1)])\n  | ExceptionGroup: g (1 "
      "sub-exception)\n"
      "  +-+---------------- 1 ----------------\n    | ValueError: 1\n"
      "    +------------------------------------\n";
  EXPECT_EQ(FailureCause(failure), "ExceptionGroup: g (1 sub-exception)");
}

TEST(Failure, CauseIsTheLastLineOfTheLastTraceback) {
  EXPECT_EQ(FailureCause({.stderr_text = kTraceback}), "ValueError: bad value: 42");
  EXPECT_EQ(
      FailureCause({.stderr_text = "  File \"train.py\", line 1\n    f(\n     ^\nSyntaxError: "
                                   "'(' was never closed\n"}),
      "SyntaxError: '(' was never closed");
  const std::string driver =
      "Traceback (most recent call last):\n  File \"basic_script_driver.py\", line 2, in main\n"
      "    execute_commands()\nsubprocess.CalledProcessError: Command '...' returned 1.\n";
  EXPECT_EQ(FailureCause({.stderr_text = std::string(kTraceback) + driver}),
            "ValueError: bad value: 42");
  // As a driver prints it that strips each line.
  EXPECT_EQ(FailureCause({.stderr_text = "Traceback (most recent call last):\nFile \"train.py\", "
                                         "line 3, in <module>\nfit(x)\nraise Wrong(\"a: b\")\n"
                                         "my.errors.Wrong: a: b\n" +
                                         driver}),
            "my.errors.Wrong: a: b");
  EXPECT_EQ(FailureCause({.stderr_text = "File \"train.py\", line 1\nf(\n^\n"
                                         "SyntaxError: '(' was never closed\n" +
                                         driver}),
            "SyntaxError: '(' was never closed");
  EXPECT_EQ(FailureCause({.stderr_text = driver}),
            "subprocess.CalledProcessError: Command '...' returned 1.");
  EXPECT_EQ(FailureCause({.stderr_text = "py: can't open file '/opt/ml/code/x.py': [Errno 2]\n"}),
            "py: can't open file '/opt/ml/code/x.py': [Errno 2]");
  EXPECT_EQ(FailureCause({.stderr_text = "/py: No module named train\n"}),
            "/py: No module named train");
  const std::string pip =
      "Looking in links: /w\nERROR: Could not find a version\nERROR: No match\n";
  EXPECT_EQ(FailureCause({.error = "InstallRequirementsError", .stderr_text = pip}),
            "ERROR: No match");
  EXPECT_EQ(FailureCause({.stderr_text = "ERROR: of the script's own\n"}), "");
  EXPECT_EQ(FailureCause({.exit_code = -11}), "killed by signal 11");
  EXPECT_EQ(FailureCause({.exit_code = 137}), "killed by signal 9");
  EXPECT_EQ(FailureCause({.exit_code = -9, .out_of_memory = true}),
            "out of memory: the system killed the program for the memory that it used");
  EXPECT_EQ(FailureCause({.exit_code = 3, .stderr_text = "so long"}), "");
}

// What was recorded with the real toolkit.
class Golden : public testing::Test {
 protected:
  static json Cases(const char* file) {
    const auto path = GoldenPath("wire/programs") / file;
    if (!std::filesystem::exists(path)) return {};
    return json::parse(*ReadFile(path, 1 << 24)).at("cases");
  }
};

TEST_F(Golden, Environments) {
  const json cases = Cases("toolkit_env.json");
  if (cases.is_null()) GTEST_SKIP() << "no golden files (CLARY_SHARED)";
  for (const auto& [name, expected] : cases.items()) {
    Script s;
    s.hyperparameters = expected.at("hyperparameters.json");
    s.environment = {{"AWS_REGION", "us-east-1"}, {"TRAINING_JOB_NAME", "job-1"}};
    s.input_data_config = expected.at("inputdataconfig.json").dump();
    s.resource_config = expected.at("resourceconfig.json").dump();
    s.python = "<python>";
    s.cpus = 2;
    const auto c = MakeCommand(s);
    ASSERT_TRUE(c) << c.error().message;
    auto env = c->environment;
    EXPECT_EQ(env.extract("PYTHONUNBUFFERED").mapped(), "1");
    env["PYTHONPATH"] += ":<sys.path of the launching interpreter>";
    for (const auto& [key, value] : expected.at("env").items()) {
      EXPECT_EQ(env[key], value.get<std::string>()) << name << " " << key;
    }
    EXPECT_EQ(env.size(), expected.at("env").size()) << name;
    if (expected.contains("argv")) {
      EXPECT_EQ(Words(c->argv.begin() + 3, c->argv.end()), expected.at("argv").get<Words>());
    }
  }
}

TEST_F(Golden, Failures) {
  const json cases = Cases("toolkit_failures.json");
  if (cases.is_null()) GTEST_SKIP() << "no golden files (CLARY_SHARED)";
  const std::map<std::string, int> codes = {{"exit3", 3},    {"exit3_pt", 3}, {"raise", 1},
                                            {"raise_pt", 1}, {"kill", -9},    {"kill_pt", -9},
                                            {"none", 2},     {"req", 1},      {"req_pt", 1}};
  for (const auto& [name, expected] : cases.items()) {
    const std::string text = expected.at("failure_file");
    EXPECT_EQ(expected.at("container_exit_code"), kFailureExitCode);
    if (name == "badname") {
      Script s;
      s.hyperparameters = {{"sagemaker_program", "my train.py"}};
      EXPECT_EQ(MakeCommand(s).error().message.find(text.substr(0, text.find(" [more"))), 0U);
      continue;
    }
    Failure f{.exit_code = codes.at(name), .capture = name.ends_with("_pt")};
    f.argv = {"<python>", "--", "train.py", "--epochs", "3", "..."};
    if (name.starts_with("req")) {
      f.error = "InstallRequirementsError";
      f.argv = {"<python>", "-m", "pip", "install", "-r", "requirements.txt"};
    }
    constexpr std::string_view kRaised =
        "Traceback (most recent call last):\n  File \"/opt/ml/code/train.py\", line 4, in "
        "<module>\n"
        "    f()\n  File \"/opt/ml/code/train.py\", line 3, in f\n    def f(): raise "
        "ValueError(\"bad value: 42\")\n             "
        "^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\nValueError: "
        "bad value: 42\n";
    if (name.starts_with("raise")) f.stderr_text = kRaised;
    EXPECT_EQ(FailureText(f), text) << name;
  }
}

TEST(MetricPattern, FindsNumbersInLines) {
  MetricPattern auc("validation-auc:(\\S+)", "validation-auc");
  EXPECT_EQ(auc.Fault(), "");
  EXPECT_EQ(auc.Find("[3]#011train-auc:0.5#011validation-auc:0.75#011x"), 0.75);
  EXPECT_EQ(auc.Find("[3]#011validation-auc:+7e-1"), 0.7);
  EXPECT_FALSE(auc.Find("[3]#011train-auc:0.5"));
  EXPECT_FALSE(auc.Find("[3]#011validation-auc:nan")) << "no observation";
  EXPECT_FALSE(auc.Find("[3]#011validation-auc:0.7%"));
  EXPECT_EQ(MetricPattern("loss", "").Fault(), "has no group '(...)' around the value");
  EXPECT_TRUE(MetricPattern("(", "").Fault().starts_with("is not valid: "));
  EXPECT_FALSE(MetricPattern("(", "").Find("x"));
}

}  // namespace
}  // namespace clary::toolkit
