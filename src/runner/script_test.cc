// Script mode and processing jobs, whole jobs with a real Python.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "runner/testing/job_world.h"

namespace clary::runner {
namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kSystemPython[] = "/usr/bin/python3";

class ScriptTest : public JobWorld, public testing::Test {
 protected:
  void SetUp() override {
    if (!HasSandbox()) GTEST_SKIP() << "bubblewrap is missing or not allowed here";
    if (::access(kSystemPython, X_OK) != 0) GTEST_SKIP() << "there is no " << kSystemPython;
    MakeWorld();
    spec_.program = "script";
    spec_.python = {.environment = "default", .interpreter = kSystemPython};
    spec_.python.layers = (home() / "layers").string();
    spec_.hyperparameters = {{"sagemaker_program", "\"train.py\""},
                             {"sagemaker_submit_directory", "\"s3://bkt/code/sourcedir.tar.gz\""},
                             {"sagemaker_job_name", "\"j\""},
                             {"sagemaker_container_log_level", "20"},
                             {"epochs", "3"},
                             {"name", "\"a b\""}};
  }
  // Puts the files of home()/src, packed, where the job's code comes from.
  void PutCode(const std::map<std::string, std::string>& files) {
    fs::remove_all(home() / "src");
    for (const auto& [name, text] : files) {
      const fs::path file = home() / "src" / name;
      fs::create_directories(file.parent_path());
      std::ofstream(file) << text;
    }
    Pack("tar czf ../code.tgz *");
  }
  void Pack(const std::string& command) {
    const std::string all = "cd " + (home() / "src").string() + " && " + command;
    ASSERT_EQ(std::system(all.c_str()), 0);
    Put("code/sourcedir.tar.gz", *ReadFile(home() / "code.tgz", 1 << 20));
  }
  int Train(const std::string& script) {
    PutCode({{"train.py", script}});
    return Wait(StartProgram());
  }
  void Again() {
    fs::remove(job_dir() / "events.jsonl");
    spec_.log_stream += "x";
  }
};

TEST_F(ScriptTest, RunsAsTheToolkitRunsIt) {
  PutCode({{"train.py",
            "import os, sys, json\nimport helper\nprint(sys.argv, os.getcwd(), helper.x)\n"
            "print(os.environ['SM_HP_NAME'], os.environ['SM_HPS'], os.environ['SM_MODULE_DIR'])\n"
            "print(open(os.environ['SM_CHANNEL_TRAIN'] + '/train.csv').read().split())\n"
            "open(os.environ['SM_MODEL_DIR'] + '/m', 'w').write('model')\n"
            "print(sys.prefix, file=sys.stderr)\n"},
           {"helper.py", "x = 7\n"}});
  EXPECT_EQ(Wait(StartProgram()), 0) << Log();
  EXPECT_EQ(Kinds(), "Downloading Training Uploading artifact end");
  const std::string log = Log();
  EXPECT_THAT(log, StartsWith("[clary] Python environment default (/usr/bin/python3)\n"));
  EXPECT_THAT(log, HasSubstr("Invoking user script\n\nTraining Env:\n\n{\n"));
  EXPECT_THAT(log, HasSubstr("Invoking script with the following command:\n\n/opt/clary/python/bin/"
                             "python -- train.py --epochs 3 --name a b\n\n"
                             "['train.py', '--epochs', '3', '--name', 'a b'] /opt/ml/code 7\n"
                             "a b {\"epochs\":3,\"name\":\"a b\"} s3://bkt/code/sourcedir.tar.gz\n"
                             "['1,2', '0,3']\n/opt/clary/python\nReporting training SUCCESS\n"));
  EXPECT_EQ(Unpack("out/j/output/model.tar.gz"), "./m model\n");
}

TEST_F(ScriptTest, FailuresAreTheToolkitsWithTheCauseFirst) {
  EXPECT_EQ(Train("def f(): raise ValueError('bad value: 42')\nf()\n"), 1);
  const std::string failure =
      "ExecuteUserScriptError:\nExitCode 1\nErrorMessage \"\"\nCommand "
      "\"/opt/clary/python/bin/python "
      "-- train.py --epochs 3 --name a b\"";
  EXPECT_EQ(End().exit_code, 1);
  EXPECT_EQ(End().detail, "ValueError: bad value: 42\n" + failure);
  EXPECT_EQ(Unpack("out/j/output/output.tar.gz"), "./failure " + failure + "\n");
  EXPECT_THAT(Log(), HasSubstr("Reporting training FAILURE\nExecuteUserScriptError:\n"));
  EXPECT_THAT(Log(), HasSubstr("Encountered exit_code 1\n"));

  Again();
  EXPECT_EQ(Train("import sys\nsys.exit(3)\n"), 1);
  EXPECT_THAT(End().detail, StartsWith("ExecuteUserScriptError:\nExitCode 3\n"));
  Again();
  EXPECT_EQ(Train("import sys\nprint('epoch 1')\nsys.exit('no such column: 7')\n"), 1);
  EXPECT_THAT(End().detail,
              StartsWith("it printed last: no such column: 7\nExecuteUserScriptError:\n"));
  Again();
  EXPECT_EQ(Train("import os\nos.kill(os.getpid(), 9)\n"), 1);
  EXPECT_THAT(End().detail,
              StartsWith("killed by signal 9\nExecuteUserScriptError:\nExitCode -9\n"));
  Again();
  EXPECT_EQ(Train("open('/opt/ml/output/failure', 'w').write('my own words')\nraise KeyError(1)\n"),
            1);
  EXPECT_EQ(End().detail, "my own words");
  Again();
  EXPECT_EQ(Train("def f(:\n"), 1);
  EXPECT_THAT(End().detail, StartsWith("SyntaxError: "));
  Again();
  spec_.hyperparameters["sagemaker_program"] = "\"other.py\"";
  EXPECT_EQ(Train(""), 1);
  EXPECT_THAT(End().detail, AllOf(HasSubstr("can't open file '/opt/ml/code/other.py'"),
                                  HasSubstr("\nExecuteUserScriptError:\nExitCode 2\n")));
  Again();
  spec_.hyperparameters["sagemaker_program"] = "\"my train.py\"";
  EXPECT_EQ(Train(""), 1);
  EXPECT_THAT(End().detail, StartsWith("The training entry point 'my train.py' cannot be used"));
}

TEST_F(ScriptTest, CodeThatCannotBeFetchedIsTheClientsFault) {
  fs::create_directories(home() / "src");
  std::ofstream(home() / "src/train.py") << "print('ran')";
  for (const char* command :
       {"tar czPf ../code.tgz ../src/train.py",
        "ln -s /etc/passwd l && tar czf ../code.tgz l train.py",
        "mkfifo p && tar czf ../code.tgz p train.py", "echo no archive > ../code.tgz"}) {
    Pack(command);
    EXPECT_EQ(Wait(StartProgram()), 1) << command;
    EXPECT_THAT(End().detail, StartsWith("ClientError: cannot fetch the code from "
                                         "sagemaker_submit_directory \"s3://bkt/code/"))
        << command;
    EXPECT_THAT(Log(), Not(HasSubstr("ran\n")));
    Again();
  }
  (void)store_->Delete({"bkt", "code/sourcedir.tar.gz"});
  EXPECT_EQ(Wait(StartProgram()), 1);
  EXPECT_THAT(End().detail, HasSubstr("code/sourcedir.tar.gz"));
}

TEST_F(ScriptTest, WhatPipLacksIsSaid) {
  PutCode({{"train.py", "pass\n"}, {"requirements.txt", std::string((1 << 20) + 1, '#')}});
  EXPECT_EQ(Wait(StartProgram()), 1);
  EXPECT_EQ(End().detail, "ClientError: requirements.txt is larger than 1 MiB");
  Again();
  if (std::system("/usr/bin/python3 -m pip --version > /dev/null 2>&1") != 0) {
    GTEST_SKIP() << "this Python has no pip";
  }
  PutCode({{"train.py", "pass\n"}, {"requirements.txt", "no-such-package\n"}});
  EXPECT_EQ(Wait(StartProgram()), 1);
  EXPECT_THAT(End().detail,
              StartsWith("ERROR: No matching distribution found for no-such-package; this job "
                         "reaches no package index: start `clary serve` with PIP_INDEX_URL"));
}

TEST_F(ScriptTest, HyperparametersThatFillAVariableLeaveItOut) {
  for (int i = 0; i < 90; ++i) {
    spec_.hyperparameters["h" + std::to_string(i)] = std::string(2400, 'x');
  }
  EXPECT_EQ(Train("import os, sys\n"
                  "assert len(sys.argv) == 185 and len(os.environ['SM_HP_H7']) == 2400\n"
                  "assert 'SM_HPS' not in os.environ and 'SM_TRAINING_ENV' not in os.environ\n"),
            0)
      << End().detail;
}

TEST_F(ScriptTest, CodeFromAChannelAsWithNetworkIsolation) {
  PutCode({{"train.py", "print('from the channel')\n"}});
  spec_.network_isolation = true;
  spec_.channels.push_back({.name = "code", .s3_uri = "s3://bkt/code/sourcedir.tar.gz"});
  spec_.hyperparameters["sagemaker_submit_directory"] = "/opt/ml/input/data/code/sourcedir.tar.gz";
  EXPECT_EQ(Wait(StartProgram()), 0) << Log();
  EXPECT_THAT(Log(), HasSubstr("from the channel\n"));
}

TEST_F(ScriptTest, AShellScriptGetsItsWordsWhole) {
  PutCode({{"run.sh", "#!/bin/bash\nfor a in \"$@\"; do echo \"<$a>\"; done; exit 137\n"}});
  spec_.hyperparameters["sagemaker_program"] = "run.sh";
  EXPECT_EQ(Wait(StartProgram()), 1);
  EXPECT_THAT(Log(), HasSubstr("<--epochs>\n<3>\n<--name>\n<a b>\n"));
  EXPECT_THAT(End().detail, HasSubstr("ExitCode 137\nErrorMessage \"\"\nExtraInfo \"OutOfMemory"));
}

TEST_F(ScriptTest, AStopReachesTheScriptAndKeepsItsModel) {
  PutCode({{"train.py",
            "import signal, sys, time\n"
            "def stop(*_):\n    open('/opt/ml/model/m', 'w').write('saved')\n    sys.exit(0)\n"
            "signal.signal(signal.SIGTERM, stop)\nprint('up')\nwhile True: time.sleep(0.01)\n"}});
  const pid_t pid = StartProgram();
  ASSERT_TRUE(WaitFor([&] { return Log().find("\nup\n") != std::string::npos; })) << Log();
  ::kill(pid, SIGTERM);
  EXPECT_EQ(Wait(pid), 0);
  EXPECT_EQ(Unpack("out/j/output/model.tar.gz"), "./m saved\n");
}

// A package that pip can install without any index.
constexpr char kWheel[] =
    "import zipfile\nw = zipfile.ZipFile('wheels/tiny-1.0-py3-none-any.whl', 'w')\n"
    "w.writestr('tiny.py', 'word = \"installed\"')\n"
    "w.writestr('tiny-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: tiny\\nVersion: "
    "1.0\\n')\n"
    "w.writestr('tiny-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: x\\n"
    "Root-Is-Purelib: true\\nTag: py3-none-any\\n')\n"
    "w.writestr('tiny-1.0.dist-info/RECORD', 'tiny.py,,\\ntiny-1.0.dist-info/METADATA,,\\n"
    "tiny-1.0.dist-info/WHEEL,,\\ntiny-1.0.dist-info/RECORD,,\\n')\nw.close()\n";

TEST_F(ScriptTest, RequirementsAreInstalledOnceForAllJobsWithTheSameFile) {
  if (std::system("/usr/bin/python3 -m pip --version > /dev/null 2>&1") != 0) {
    GTEST_SKIP() << "this Python has no pip";
  }
  fs::create_directories(home() / "wheels");
  std::ofstream(home() / "make.py") << kWheel;
  ASSERT_EQ(std::system(("cd " + home().string() + " && python3 make.py").c_str()), 0);
  spec_.python.pip = {{"PIP_NO_INDEX", "1"}, {"PIP_FIND_LINKS", (home() / "wheels").string()}};
  const auto run = [&](const std::string& requirements) {
    PutCode({{"train.py", "import tiny\nprint(tiny.word, tiny.__file__)\n"},
             {"requirements.txt", requirements}});
    return Wait(StartProgram());
  };
  EXPECT_EQ(run("tiny==1.0\n"), 0) << Log();
  EXPECT_THAT(Log(), HasSubstr("Successfully installed tiny-1.0"));
  EXPECT_THAT(Log(), HasSubstr("\ninstalled /opt/clary/requirements/"));
  Again();
  EXPECT_EQ(run("tiny==1.0\n"), 0) << Log();
  EXPECT_THAT(Log(), Not(HasSubstr("Successfully installed")));
  EXPECT_THAT(Log(), HasSubstr("\ninstalled /opt/clary/requirements/"));
  Again();
  EXPECT_EQ(run("no-such-package==9\n"), 1);
  EXPECT_THAT(End().detail,
              AllOf(StartsWith("ERROR: No matching distribution found for no-such-package==9\n"),
                    HasSubstr("InstallRequirementsError:\nExitCode 1\n")));
  EXPECT_EQ(std::distance(fs::directory_iterator(home() / "layers"), {}), 1);
}

class ProcessingTest : public JobWorld, public testing::Test {
 protected:
  void SetUp() override {
    if (!HasSandbox()) GTEST_SKIP() << "bubblewrap is missing or not allowed here";
    MakeWorld();
    spec_.contract = "processing";
    spec_.program = "command";
    spec_.channels.clear();
    spec_.request_json = R"({"ProcessingJobName":"j"})";
    spec_.inputs = {
        {.name = "in", .s3_uri = "s3://bkt/in/", .local_path = "/opt/ml/processing/input/data"}};
    spec_.outputs = {
        {.name = "out", .s3_uri = "s3://bkt/result/", .local_path = "/opt/ml/processing/output"}};
  }
  pid_t Start(const std::string& script) {
    spec_.entrypoint = {"/bin/sh", "-c", script};
    return StartProgram();
  }
  int Run(const std::string& script) { return Wait(Start(script)); }
};

TEST_F(ProcessingTest, FromInputsToOutputsAndAMessage) {
  EXPECT_EQ(Run("set -e; cat /opt/ml/config/processingjobconfig.json; cat "
                "/opt/ml/config/resourceconfig.json; echo; pwd; cd /opt/ml/processing; cp "
                "input/data/train.csv output/copy; mkdir output/sub; echo s > output/sub/s; echo x "
                ">> input/data/train.csv; printf 'all is well' > /opt/ml/output/message; env | "
                "grep -c '^SM_\\|^TRAINING' || true"),
            0)
      << Log();
  EXPECT_EQ(Log(),
            "{\"ProcessingJobName\":\"j\"}{\"current_host\":\"algo-1\",\"current_instance_type\":"
            "\"ml.m5.large\",\"hosts\":[\"algo-1\"],\"network_interface_name\":\"eth0\"}\n/\n0\n");
  EXPECT_EQ(Kinds(), "Downloading Processing Uploading end");
  EXPECT_EQ(End().message, "all is well");
  EXPECT_EQ(Object("result/copy"), "1,2\n0,3\n");
  EXPECT_EQ(Object("result/sub/s"), "s\n");
  EXPECT_EQ(Object("in/train.csv"), "1,2\n0,3\n");
}

TEST_F(ProcessingTest, WhatAFailedJobLeftIsUploadedToo) {
  EXPECT_EQ(Run("echo part > /opt/ml/processing/output/part; echo 'half way' > "
                "/opt/ml/output/message; printf 'Traceback (most recent call last):\\n  File "
                "\"x\"\\nKeyError: 1\\n' >&2; exit 3"),
            3);
  EXPECT_EQ(End().exit_code, 3);
  EXPECT_EQ(End().detail, "KeyError: 1");
  EXPECT_EQ(End().message, "half way\n");
  EXPECT_EQ(Object("result/part"), "part\n");
}

TEST_F(ProcessingTest, WhatIsNotUploadedIsSaid) {
  EXPECT_EQ(Run("cd /opt/ml/processing/output; for i in $(seq 30); do echo $i > f$i; done; ln -s "
                "/etc/passwd link; mkfifo pipe; echo x > $(printf 'a\\377')"),
            0);
  for (int i = 1; i <= 30; ++i) {
    EXPECT_EQ(Object("result/f" + std::to_string(i)), std::to_string(i) + "\n");
  }
  for (const char* name : {"link", "pipe", "a"}) {
    EXPECT_THAT(Log(), HasSubstr("[clary] WARNING: " + std::string(name)));
  }
  EXPECT_EQ((*store_->List("bkt", {.prefix = "result/"})).objects.size(), 30u);
}

TEST_F(ProcessingTest, AFailureWithoutWordsSaysItsMessage) {
  EXPECT_EQ(Run("echo -n 'rows are missing' > /opt/ml/output/message; exit 9"), 9);
  EXPECT_EQ(End().detail, "rows are missing");
}

TEST_F(ProcessingTest, AMessageThatIsNoTextFailsTheJob) {
  EXPECT_EQ(Run("printf '\\377\\376' > /opt/ml/output/message"), 1);
  EXPECT_EQ(End().detail, "ClientError: /opt/ml/output/message is not text in UTF-8");
}

TEST_F(ProcessingTest, ContinuousOutputsComeWhileItRuns) {
  spec_.outputs[0].upload_mode = "Continuous";
  const pid_t pid = Start(
      "cd /opt/ml/processing/output; echo one > first; while [ ! -e "
      "/opt/ml/processing/input/data/go ]; do sleep 0.01; done; echo two > last");
  ASSERT_TRUE(WaitFor([&] { return Object("result/first") == "one\n"; }));
  std::ofstream(job_dir() / "work/processing/input/data/go") << "";
  EXPECT_EQ(Wait(pid), 0);
  EXPECT_EQ(Object("result/last"), "two\n");
}

TEST_F(ProcessingTest, AnInputWithoutObjectsFailsBeforeItRuns) {
  spec_.inputs[0].s3_uri = "s3://bkt/nothing";
  EXPECT_EQ(Run("echo ran"), 1);
  EXPECT_THAT(End().detail,
              StartsWith("ClientError: Data download failed: input in: no S3 objects found"));
}

TEST_F(ProcessingTest, AnOutputMayBeWhereAnInputIs) {
  spec_.outputs[0].local_path = "/opt/ml/processing/input/data";
  EXPECT_EQ(Run("echo new > /opt/ml/processing/input/data/new"), 0);
  EXPECT_EQ(Object("result/new"), "new\n");
  EXPECT_EQ(Object("result/train.csv"), "1,2\n0,3\n");
}

}  // namespace clary::runner
