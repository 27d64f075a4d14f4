#include "toolkit/environments.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <set>

#include "base/file.h"
#include "base/strings.h"

namespace clary::toolkit {
namespace {
namespace fs = std::filesystem;

void Put(const fs::path& path, std::string_view text, bool program = false) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
  if (program) fs::permissions(path, fs::perms::owner_all);
}

// A virtual environment with packages, over an interpreter of its own folder.
fs::path FakeVenv(const fs::path& root, const std::string& name,
                  const std::set<std::string>& packages) {
  const fs::path venv = root / name;
  Put(root / "base/bin/python3.11", "\177ELF", true);
  fs::create_directories(root / "base/lib/python3.11/site-packages");
  fs::create_directories(venv / "bin");
  fs::create_symlink(root / "base/bin/python3.11", venv / "bin/python");
  Put(venv / "pyvenv.cfg", "home = " + (root / "base/bin").string() +
                               "\ninclude-system-site-packages = false\nversion = 3.11.7\n");
  fs::create_directories(venv / "lib/python3.11/site-packages");
  for (const auto& p : packages) {
    fs::create_directories(venv / "lib/python3.11/site-packages" / (p + ".dist-info"));
  }
  return venv;
}

class EnvironmentsTest : public testing::Test {
 protected:
  Environments Load(const std::string& python = "") {
    auto all = Environments::Load({.state = state(), .default_python = python});
    EXPECT_TRUE(all) << all.error().message;
    return all ? *std::move(all) : Environments();
  }
  fs::path state() const { return dir_->path() / "state"; }
  fs::path Built(const std::string& framework, const std::string& version,
                 const std::set<std::string>& packages) {
    const fs::path venv =
        FakeVenv(dir_->path(), "state/environments/" + framework + "-" + version, packages);
    Put(venv / "environment.json",
        ToJson({.framework = framework, .version = version, .python = "3.11"}));
    return venv;
  }
  Result<TempDir> dir_ = TempDir::Make();
};

constexpr char kSklearn[] =
    "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3";

TEST(FrameworkImages, AreToldByTheirNames) {
  struct Case {
    const char* image;
    const char* framework;
    const char* version;
    const char* python;
  };
  constexpr Case kCases[] = {
      {kSklearn, "sklearn", "1.2-1", ""},
      {"x/sagemaker-scikit-learn:0.20.0-cpu-py3", "sklearn", "0.20.0", ""},
      {"x/sagemaker-scikit-learn:1.4-2-py312", "sklearn", "1.4-2", "3.12"},
      {"x/sagemaker-xgboost:1.7-1", "xgboost", "1.7-1", ""},
      {"x/sagemaker-xgboost:1.7-1-cpu-py3", "xgboost", "1.7-1", ""},
      {"x/sagemaker-xgboost:3.2-0", "xgboost", "3.2-0", ""},
      {"x/pytorch-training:2.3.0-cpu-py311", "pytorch", "2.3.0", "3.11"},
      {"x/pytorch-training:2.3-gpu-py311", "pytorch", "2.3", "3.11"},
      {"x/tensorflow-training:2.13-cpu-py310", "tensorflow", "2.13", "3.10"},
      {"x/huggingface-pytorch-training:2.1.0-transformers4.36.0-gpu-py310-cu121-ubuntu20.04",
       "huggingface", "4.36.0", "3.10"},
      {"x/sagemaker-base-python-310:1.0", "python", "3.10", "3.10"},
  };
  for (const Case& c : kCases) {
    const auto image = ParseFrameworkImage(c.image);
    ASSERT_TRUE(image) << c.image;
    EXPECT_EQ(image->framework, c.framework) << c.image;
    EXPECT_EQ(image->version, c.version) << c.image;
    EXPECT_EQ(image->python, c.python) << c.image;
  }
  EXPECT_FALSE(ParseFrameworkImage("x/my-image:latest"));
  EXPECT_EQ(ParseFrameworkImage("sagemaker-xgboost:latest")->version, "");
  EXPECT_EQ(PromisedVersion("sklearn", "1.0-1"), "1.0.2");
  EXPECT_EQ(PromisedVersion("sklearn", "1.9-0"), "1.9.*");
  EXPECT_EQ(PromisedVersion("pytorch", "2.3"), "2.3.*");
  EXPECT_TRUE(VersionMatches("2.3.1+cpu", "2.3.*"));
  EXPECT_TRUE(VersionMatches("1.0", "1.0"));
  EXPECT_FALSE(VersionMatches("1.20.0", "1.2.*"));
  EXPECT_FALSE(VersionMatches("1", "1.2"));
}

TEST_F(EnvironmentsTest, WhatWasBuiltForAnImageStandsForIt) {
  const fs::path venv = Built("sklearn", "1.2-1", {"scikit_learn-1.2.1", "numpy-1.26.4"});
  const auto got = Load().Resolve({.image = kSklearn});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->name, "sklearn:1.2-1");
  EXPECT_EQ(got->interpreter, venv / "bin/python");
  EXPECT_EQ(got->framework, "sklearn");
  EXPECT_EQ(got->notes, std::vector<std::string>());
  const std::set<std::string> folders(got->folders.begin(), got->folders.end());
  EXPECT_TRUE(folders.contains(venv.string()));
  EXPECT_TRUE(folders.contains((dir_->path() / "base").string()));
}

TEST_F(EnvironmentsTest, ARuleComesFirstAndSaysWhereItDiffers) {
  Built("sklearn", "1.2-1", {"scikit_learn-1.2.1"});
  const fs::path mine = FakeVenv(dir_->path(), "mine", {"scikit_learn-1.5.0"});
  auto all = Load();
  ASSERT_TRUE(all.AddRule({.image = "sagemaker-scikit-learn:*", .python = mine}));
  const auto got = Load().Resolve({.image = kSklearn});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->name, mine);
  ASSERT_EQ(got->notes.size(), 1u);
  EXPECT_EQ(got->notes[0], "scikit-learn 1.5.0 instead of the image's 1.2.1");
  ASSERT_TRUE(all.Remove("sagemaker-scikit-learn:*"));
  EXPECT_EQ(Load().Resolve({.image = kSklearn})->name, "sklearn:1.2-1");
  EXPECT_EQ(all.Remove("nothing").error().reason, "NoEnvironment");
}

TEST_F(EnvironmentsTest, ADefaultPythonRunsImagesOfOnesOwnAndFrameworksThatItHolds) {
  const fs::path venv = FakeVenv(dir_->path(), "default", {"scikit_learn-1.2.1"});
  const auto all = Load(venv);
  EXPECT_EQ(all.Resolve({.image = "my-image:1"})->name, "default");
  EXPECT_EQ(all.Resolve({.image = "my-image:1"})->framework, "");
  EXPECT_EQ(all.Resolve({.image = kSklearn})->framework, "sklearn");
  const auto none = all.Resolve({.image = "x/pytorch-training:2.3.0-cpu-py311"});
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("has no torch"), std::string::npos);
}

TEST_F(EnvironmentsTest, AnImageThatNothingRunsIsRefusedWithWhatToDo) {
  Built("xgboost", "1.7-1", {"xgboost-1.7.4"});
  const auto got = Load().Resolve({.image = kSklearn});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().reason, "ValidationException");
  EXPECT_EQ(got.error().message,
            "No environment on this host runs the image '" + std::string(kSklearn) +
                "'. There are: xgboost:1.7-1. To add one: clary environments build sklearn 1.2-1, "
                "or map the image to a Python of yours: clary environments add "
                "'sagemaker-scikit-learn:1.2-1-cpu-py3' /path/to/python.");
  EXPECT_NE(Load().Resolve({.image = "mine:1"}).error().message.find("clary serve --python"),
            std::string::npos);
}

TEST_F(EnvironmentsTest, ARequestMayInsistOnAPython) {
  Built("python", "3.11", {"sagemaker-2.257.7"});
  const Wish old = {.image = "x/sagemaker-base-python-310:1.0", .python = "3.11"};
  EXPECT_EQ(Load().Resolve(old)->name, "python:3.11");
  const fs::path venv = FakeVenv(dir_->path(), "default", {});
  const auto got = Load(venv).Resolve({.image = "mine:1", .python = "3.12"});
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().message.find("has Python 3.11, and the request needs 3.12"),
            std::string::npos);
}

TEST_F(EnvironmentsTest, AFileThatIsNotUnderstoodIsRefused) {
  for (const char* text :
       {"", "[]", "{\"version\": 2, \"rules\": []}", "{\"version\": 1}",
        R"({"version": 1, "rules": [], "more": 1})", R"({"version": 1, "rules": [{"image": "x"}]})",
        R"({"version": 1, "rules": [{"image": "x", "python": "/p", "docker": true}]})",
        R"({"version": 1, "rules": ["x"]})"}) {
    Put(state() / "environments.json", text);
    const auto all = Environments::Load({.state = state()});
    ASSERT_FALSE(all) << text;
    EXPECT_EQ(all.error().reason, "BadEnvironments") << text;
  }
}

TEST_F(EnvironmentsTest, ABuildThatWasKilledIsNoEnvironment) {
  fs::remove(Built("sklearn", "1.2-1", {}) / "environment.json");
  EXPECT_TRUE(Load().built().empty());
}

TEST_F(EnvironmentsTest, RemovingABuiltEnvironmentRemovesItsFiles) {
  const fs::path venv = Built("sklearn", "1.2-1", {});
  auto all = Load();
  ASSERT_TRUE(all.Remove("sklearn:1.2-1"));
  EXPECT_FALSE(fs::exists(venv));
  EXPECT_TRUE(Load().built().empty());
}

TEST_F(EnvironmentsTest, WhatIsNoPythonIsRefusedWithTheReason) {
  Put(dir_->path() / "shim", "#!/bin/bash\n", true);
  Put(dir_->path() / "data", "x");
  EXPECT_NE(LookAtPython(dir_->path() / "shim").error().message.find("sys.executable"),
            std::string::npos);
  EXPECT_EQ(LookAtPython(dir_->path() / "data").error().code, Code::kInvalidArgument);
  EXPECT_EQ(LookAtPython(dir_->path() / "none").error().code, Code::kNotFound);
  EXPECT_EQ(LookAtPython(dir_->path()).error().code, Code::kNotFound);
  EXPECT_EQ(LookAtPython("bin/python").error().code, Code::kInvalidArgument);
}

TEST_F(EnvironmentsTest, TheKeyOfALayerIsAllThatDecidesWhatPipInstalls) {
  const auto python = LookAtPython(FakeVenv(dir_->path(), "a", {"numpy-1.26.4"}));
  const auto other = LookAtPython(FakeVenv(dir_->path(), "b", {"numpy-1.26.5"}));
  ASSERT_TRUE(python && other);
  const Layer layer = LayerOf(*python, "pandas==2.0\n", {});
  EXPECT_EQ(layer.key.size(), 32u);
  EXPECT_EQ(LayerOf(*python, "pandas==2.0\n", {}).key, layer.key);
  EXPECT_NE(LayerOf(*python, "pandas==2.1\n", {}).key, layer.key);
  EXPECT_NE(LayerOf(*other, "pandas==2.0\n", {}).key, layer.key);
  EXPECT_NE(LayerOf(*python, "pandas==2.0\n", {{"PIP_NO_INDEX", "1"}}).key, layer.key);
  for (const char* text :
       {"", "# nothing\n", "pandas\nnumpy>=1.2,<2 ; python_version > '3'",
        "--only-binary :all:\nx[extra]==1.0 --hash=sha256:00", "x @ https://host/x-1.0.whl"}) {
    EXPECT_TRUE(LayerOf(*python, text, {}).cacheable) << text;
  }
  for (const char* text : {"-r other.txt", "-e .", "./wheels/x.whl", "x.whl", "-c c.txt", "../x",
                           "x @ file:///opt/x.whl", "git+https://host/x", "--find-links wheels"}) {
    EXPECT_FALSE(LayerOf(*python, text, {}).cacheable) << text;
  }
}

std::string Shell(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::string out;
  std::array<char, 4096> buffer{};
  for (size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    out.append(buffer.data(), n);
  }
  ::pclose(pipe);
  return out;
}

// With the system's Python, if there is one that can make environments.
TEST_F(EnvironmentsTest, AJobsPythonSeesTheEnvironmentsPackagesAndItsOwnBeforeThem) {
  const fs::path venv = dir_->path() / "venv";
  Shell("/usr/bin/python3 -m venv --without-pip " + venv.string());
  if (!fs::exists(venv / "bin/python")) GTEST_SKIP() << "no /usr/bin/python3 with venv";
  const auto python = LookAtPython(venv);
  ASSERT_TRUE(python) << python.error().message;
  Put(python->packages[0] / "below.py", "name = 'below'\n");
  Put(python->packages[0] / "both.py", "name = 'below'\n");
  Put(venv / "bin/tool", "#!" + (venv / "bin/python3").string() + "\nprint('tool')\n", true);
  Put(venv / "bin/activate", "");
  const fs::path home = dir_->path() / "home";
  const Status made = MakePythonHome({.python = *python}, home);
  ASSERT_TRUE(made) << made.error().message;
  Put(home / "lib" / ("python" + python->version) / "site-packages/both.py", "name = 'own'\n");
  EXPECT_EQ(Shell((home / "bin/python").string() +
                  " -c 'import sys, below, both; print(below.name, both.name, sys.prefix)'"),
            "below own " + home.string() + "\n");
  // The environment has no pip; the one that comes with the interpreter stands in.
  EXPECT_EQ(Shell((home / "bin/python").string() + " -m pip --version").substr(0, 4), "pip ");
  // Scripts of the environment start the job's own interpreter.
  EXPECT_EQ(*ReadFile(home / "bin/tool", 1000), "#!/opt/clary/python/bin/python\nprint('tool')\n");
  EXPECT_FALSE(fs::exists(home / "bin/activate"));
  EXPECT_FALSE(fs::exists(home / "stand-ins"));
  const fs::path xgboost = dir_->path() / "xgboost";
  ASSERT_TRUE(MakePythonHome({.python = *python, .layer = true, .stand_ins = true}, xgboost));
  EXPECT_TRUE(fs::exists(xgboost / "stand-ins/sagemaker_xgboost_container/checkpointing.py"));
  EXPECT_EQ(
      Shell("PYTHONPATH=" + (xgboost / "stand-ins").string() + " " +
            (xgboost / "bin/python").string() +
            " -c 'from sagemaker_containers import entry_point; print(entry_point.__name__)'"),
      "sagemaker_containers.entry_point\n");
  EXPECT_TRUE(fs::exists(home / "bin/pip"));
}

}  // namespace
}  // namespace clary::toolkit
