"""The command line, mostly with the service embedded in it."""
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

import service
from service import CLARY, census, clary


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="clary-e2e-")
        self.addCleanup(service.remove_folder, self.folder)
        self.dir = pathlib.Path(self.folder.name)
        self.home = self.dir / "home"
        for part in ("train", "validation"):
            (self.dir / f"{part}.csv").write_bytes(census(part))
        self.data = ["--train", self.dir / "train.csv", "--validation", self.dir / "validation.csv",
                     "--objective", "binary:logistic", "-P", "eval_metric=logloss,auc"]

    def clary(self, *args, **options):
        return clary(*args, home=self.home, **options)

    def test_trains_with_nothing_running_and_serve_shows_the_job_later(self):
        done = json.loads(self.clary("train", *self.data, "--num-round", 20, "--json",
                                     "--name", "first", "--save", self.dir / "m.tar.gz").stdout)
        self.assertEqual(done["status"], "Completed")
        self.assertEqual(done["rounds"], 20)
        self.assertLess(done["metrics"]["validation:logloss"], 0.33)
        self.assertGreater(done["metrics"]["validation:auc"], 0.90)
        members = subprocess.run(["tar", "tzf", done["model_file"]], capture_output=True, text=True)
        self.assertEqual(members.stdout, "xgboost-model\n")

        self.assertEqual(json.loads(self.clary("jobs", "--json").stdout)[0]["name"], "first")
        log = self.clary("logs", "first").stdout
        self.assertIn("[19]", log)
        with service.Service() as served:
            served.stop()
            served.home = self.home  # serve the one that trained
            served.start()
            jobs = json.loads(self.clary("jobs", "--json").stdout)
            self.assertEqual([(j["name"], j["status"]) for j in jobs], [("first", "Completed")])
            self.assertEqual(self.clary("logs", "first").stdout, log)
            self.assertIn("validation:auc", self.clary("describe", "first").stdout)

    def test_prints_plain_lines_without_a_terminal(self):
        out = self.clary("train", *self.data, "--num-round", 20).stdout
        self.assertIn("round 20/20", out)
        self.assertIn("file    /", out)
        self.assertNotIn("\033", out)
        self.assertNotIn("\r", out)

    def test_train_waits_for_its_rules_and_shows_the_reports(self):
        done = json.loads(self.clary(
            "train", *self.data, "--num-round", 20, "--json", "--name", "reported",
            "--rule", "create_xgboost_report,loss_not_decreasing").stdout)
        rules = {r["name"]: r["status"] for r in done["rules"]}
        self.assertEqual(rules["CreateXgboostReport"], "NoIssuesFound", done["rules"])
        self.assertEqual(rules["LossNotDecreasing"], "NoIssuesFound", done["rules"])
        self.assertEqual([pathlib.Path(p).name for p in done["reports"]],
                         ["xgboost_report.html", "profiler-report.html"])
        for page in done["reports"]:
            self.assertIn("<html", pathlib.Path(page).read_text().lower())
        shown = self.clary("jobs", "--rules").stdout
        self.assertIn("CreateXgboostReport", shown)
        listed = self.clary("report", "reported", "--download", self.dir / "here").stdout.split()
        self.assertEqual(listed, [str(self.dir / "here/CreateXgboostReport/xgboost_report.html"),
                                  next(p for p in listed if "ProfilerReport-" in p)])
        self.clary("train", *self.data, "--num-round", 2, "--name", "bare")
        bare = self.clary("report", "bare", check=False)
        self.assertEqual(bare.returncode, 1)
        self.assertIn("--rule create_xgboost_report", bare.stderr)

    def test_the_same_file_is_stored_once(self):
        for _ in range(2):
            self.clary("train", *self.data, "--num-round", 1)
        bucket = json.loads(self.clary("s3", "ls", "--json").stdout)[0]["bucket"]
        keys = json.loads(self.clary("s3", "ls", f"s3://{bucket}/clary/data/", "-r", "--json").stdout)
        self.assertEqual(len(keys), 2)

    def test_a_failed_job_says_why_and_exits_1(self):
        (self.dir / "train.csv").write_text("1,2,3\n0,x,3\n")
        done = self.clary("train", *self.data, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("train.csv", done.stderr)
        self.assertIn("clary logs", done.stderr)

    def test_wrong_use_exits_2_and_other_errors_1(self):
        for args in (["train"], ["nonsense"], ["describe"], [], ["s3", "cp", "a", "b"],
                              ["train", "--train", "x", "--num-round", "-1"]):
            self.assertEqual(self.clary(*args, check=False).returncode, 2, args)
        for args, message in ((["train", "--train", "/no/such/file"], "no file"),
                              (["describe", "nothing"], "not found"),
                              (["env"], "clary serve"),
                              (["exec", "--", "true"], "clary serve"),
                              (["s3", "ls", "s3://no-such-bucket"], "bucket")):
            done = self.clary(*args, check=False)
            self.assertEqual(done.returncode, 1, args)
            self.assertIn(message, done.stderr)
        self.clary("train", *self.data, "--num-round", 1, "--name", "census-first")
        for command in ("describe", "stop", "logs", "report"):
            done = self.clary(command, "census-frist", check=False)
            self.assertEqual(done.returncode, 1, command)
            self.assertIn("Did you mean census-first?", done.stderr)
        error = json.loads(self.clary("describe", "nothing", "--json", check=False).stderr)
        self.assertEqual(error["error"]["code"], "ValidationException")

    def doctor(self, *args, code=0, **options):
        done = self.clary("doctor", "--json", *args, check=False, **options)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        report = json.loads(done.stdout)
        return {f["check"] + (":" + f["what"].split()[2] if f["what"].startswith("that of") else ""): f
                for f in report["findings"]}, report

    def test_doctor_looks_at_this_host(self):
        found, report = self.doctor()
        for check in ("cores", "memory", "sandbox", "hosts", "python", "home", "disk"):
            self.assertIn(check, found)
        self.assertEqual(found["sandbox"]["level"], "ok", found)
        self.assertEqual(report["host"], socket.gethostname())
        self.assertFalse(self.home.exists(), "looking makes nothing")
        text = self.clary("doctor").stdout
        self.assertRegex(text, r"(?m)^  ok +sandbox +bubblewrap")
        found, _ = self.doctor("--state", "postgres:///none?host=/nowhere", "--objects",
                               "s3://127.0.0.1:1?tls=off", "--python", "/no/python", code=1)
        self.assertEqual(found["postgres"]["level"], "problem")
        self.assertIn("psql", found["postgres"]["advice"])
        self.assertEqual(found["objects"]["level"], "problem")
        self.assertIn("AWS_ACCESS_KEY_ID", found["objects"]["advice"])
        self.assertEqual(found["python"]["level"], "warning")

    def test_doctor_sees_a_clock_that_is_a_minute_off(self):
        class Late(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def date_time_string(self, timestamp=None):
                return super().date_time_string(time.time() - 60)

            def log_message(self, *args):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Late) as late:
            thread = threading.Thread(target=late.serve_forever)
            thread.start()
            other = f"127.0.0.1:{late.server_port}"
            try:
                found, _ = self.doctor("--other", f"http://{other}", "--other", "http://127.0.0.1:1")
            finally:
                late.shutdown()
                thread.join()
        apart = found[f"clock:http://{other}"]
        self.assertEqual(apart["level"], "warning")
        self.assertRegex(apart["what"], r"is (59|60|61)\.\d s behind")
        self.assertIn("NTP", apart["advice"])
        self.assertIn("cannot be read", found["clock:http://127.0.0.1:1"]["what"])

    def test_doctor_asks_every_free_node_of_slurm(self):
        programs = self.dir / "bin"
        programs.mkdir()

        def program(name, text):
            (programs / name).write_text("#!/bin/sh\n" + text)
            (programs / name).chmod(0o755)

        for name in ("sbatch", "squeue", "scancel"):
            program(name, "exit 1\n")
        program("scontrol", "echo 'MinJobAge               = 300 sec'\n")
        program("sinfo", """
            [ "$1" = --version ] && { echo slurm-wlm 22.05.8; exit; }
            for line in 'n1|debug*|idle|2|4000|none' 'n2|debug*|idle|2|4000|none' \\
                        'n3|debug*|allocated|2|4000|none' 'n4|debug*|down*|2|4000|Not responding'
            do echo "$line"; done
            """)
        # Two nodes that are this host; the clock of the second is wrong by years.
        program("srun", """
            [ "$1" = --mpi=list ] && { echo "MPI plugin types are... pmix"; exit; }
            case "$*" in *--nodelist=n1,n2*) ;; *) exit 9 ;; esac
            while [ "${1#--}" != "$1" ]; do shift; done
            "$@"; "$@" | sed 's/"time_ms":[0-9]*/"time_ms":1000/'
            echo "srun: error: something" >&2
            """)
        env = {"PATH": f"{programs}:{os.environ['PATH']}"}
        found, report = self.doctor("--executor", "slurm", code=1, env=env)
        self.assertEqual(len(report["nodes"]), 2)
        self.assertEqual(found["slurm"]["level"], "warning")
        self.assertIn("n4 is down* (Not responding)", found["slurm"]["what"])
        busy = [f for f in report["findings"] if "busy: n3" in f["what"]]
        self.assertEqual(len(busy), 1)
        wrong = [f for f in report["findings"] if f["check"] == "clock" and f["level"] == "problem"]
        self.assertEqual(len(wrong), 1, report["findings"])
        # The home is looked for on every node, once it is there.
        self.home.mkdir()
        _, report = self.doctor("--executor", "slurm", code=1, env=env)
        self.assertEqual([f["level"] for n in report["nodes"] for f in n["findings"]
                          if f["check"] == "home"], ["ok", "ok"])
        program("srun", """
            while [ "${1#--}" != "$1" ]; do shift; done
            exec "$1" "$2" "$3" "$4" "$5" "$6" "$7" --sees /nowhere/else
            """)
        self.assertEqual(list(self.home.iterdir()), [], "the mark is gone")
        found, report = self.doctor("--executor", "slurm", code=1, env=env)
        self.assertIn("1 of 2 nodes answered", found["nodes"]["what"] + str(report["findings"]))
        self.assertIn("mount the shared directory",
                      [f for f in report["nodes"][0]["findings"] if f["check"] == "home"][0]["advice"])

    def test_several_hosts(self):
        done = json.loads(self.clary("train", *self.data, "--num-round", 5, "--instance-count", 2,
                                     "--name", "two", "--json").stdout)
        self.assertEqual(done["status"], "Completed")
        (self.dir / "train.py").write_text(
            "import json, os\n"
            "print('I am', os.environ['SM_CURRENT_HOST'], os.environ['SM_CURRENT_INSTANCE_GROUP'])\n")
        self.clary("train", "--script", self.dir / "train.py", "--train", self.dir / "train.csv",
                   "--name", "groups", "--instance-group", "head=ml.m5.large",
                   "--instance-group", "workers=ml.m5.large:2")
        log = self.clary("logs", "groups").stdout
        for host, group in (("algo-1", "head"), ("algo-2", "workers"), ("algo-3", "workers")):
            self.assertIn(f"I am {host} {group}", log)
        for wrong in (["--instance-group", "workers"], ["--instance-group", "a=b:x"],
                      ["--instance-group", "a=b:2", "--instance-count", "2"]):
            refused = self.clary("train", *self.data, *wrong, check=False)
            self.assertEqual(refused.returncode, 2, refused.stderr)

    def test_every_command_has_help_with_an_example(self):
        for name in ("train", "serve", "jobs", "describe", "predict", "report", "stop", "logs", "env", "exec", "version", "bench", "completion",
                     "help", "s3 ls", "s3 cp", "s3 rm", "s3 mb", "s3 rb", "keys create", "keys list", "keys delete", "doctor", "migrate"):
            examples = self.clary(*name.split(), "--help").stdout.partition("Examples:\n")[2]
            self.assertIn("clary " + name, examples)
            self.assertEqual(self.clary("help", *name.split()).stdout,
                             self.clary(*name.split(), "--help").stdout)
        self.assertIn("Did you mean train?", self.clary("help", "trian", check=False).stderr)

    def test_early_stopping_tells_the_round_that_is_kept(self):
        stop = ["-P", "early_stopping_rounds=3", "-P", "eta=1", "--num-round", 200, "--name", "cut"]
        done = json.loads(self.clary("train", *self.data, *stop, "--json").stdout)
        best, trained = done["best_round"], done["rounds"]
        self.assertEqual(trained, best + 3)
        log = self.clary("logs", "cut").stdout
        kept = re.search(rf"^\[{best - 1}\].*validation-auc:(\S+)", log, re.M)[1]
        last = re.search(rf"^\[{trained - 1}\].*validation-auc:(\S+)", log, re.M)[1]
        self.assertNotEqual(kept, last)
        self.assertEqual(done["best_metrics"]["validation-auc"], float(kept))
        self.assertEqual(done["metrics"]["validation:auc"], float(last))
        described = self.clary("describe", "cut").stdout
        self.assertIn(f"best round {best} of {trained}", described)
        self.assertRegex(described, rf"METRIC +BEST ROUND {best} +LAST ROUND {trained}\n")
        self.assertRegex(described, rf"validation:auc +{float(kept):.6g} +{float(last):.6g}\n")
        stop[-1] = "cut-again"
        out = self.clary("train", *self.data, *stop).stdout
        self.assertIn(f"best round {best} of {trained}\n", out)
        self.assertIn(f"Early stopping kept {best} of {trained} rounds", out)

    def test_cross_validation_tells_its_models(self):
        out = self.clary("train", *self.data, "--num-round", 3, "-P", "_kfold=3", "-P",
                         "_num_cv_round=2").stdout
        self.assertIn("model 6/6, round 3/3", out)
        self.assertEqual(out.count("mean of the folds"), 3)
        self.assertNotIn("4/3", out)
        self.assertIn("6 models of 3 rounds", out)

    def test_everything_checkable_is_checked_before_work(self):
        table = self.dir / "table.csv"
        table.write_text("a,b\n" + "1,x\n2,y\n" * 50)
        base = ["train", "--train", table, "--label", "b", "--num-round", 1]
        self.clary(*base, "--name", "taken")
        stored = self.stored()
        for args, message in ((["--name", "not a name"], "trainingJobName"),
                              (["--name", "taken"], "already"),
                              (["--output", "elsewhere"], "s3OutputPath"),
                              (["--instance-type", "ml.none"], "instanceType"),
                              (["--image", "9.9-9"], "9.9-9"),
                              (["--rule", "overfitt"], "Did you mean Overfit?"),
                              (["-P", "eta=2"], "eta"),
                              (["-P", "etaa=1"], "Did you mean eta?"),
                              (["--validation", self.dir / "none.csv"], "no file"),
                              (["-P", "eta=0.1", "-P", "eta=0.2"], "-P eta=0.1 and -P eta=0.2"),
                              (["-P", "eta=0.1", "-P", "learning_rate=0.1"], "set the same"),
                              (["-P", "num_round=3"], "--num-round 1 and -P num_round=3"),
                              (["-P", "objective=binary:logistic", "--objective", "binary:hinge"],
                               "set the same")):
            table.write_text("a,b\n1,x\n2\n")  # would fail if it were looked at
            done = self.clary(*base, *args, check=False)
            self.assertNotEqual(done.returncode, 0, args)
            self.assertIn(message, done.stderr, args)
            self.assertNotIn("fields", done.stderr, args)
        self.assertEqual(self.stored(), stored)

    def stored(self):
        return sorted(p for p in (self.home / "objects" / "blobs").rglob("*"))

    def test_a_home_that_is_none_stays_so(self):
        for args in (["jobs"], ["describe", "x"], ["logs", "x"], ["stop", "x"], ["report", "x"], ["s3", "ls"],
                     ["s3", "rm", "s3://a-bucket/x"], ["s3", "rb", "a-bucket"], ["keys", "list"],
                     ["s3", "cp", "s3://a-bucket/x", self.dir / "x"], ["env"], ["exec", "--", "true"]):
            done = self.clary(*args, check=False)
            self.assertEqual(done.returncode, 1, args)
            self.assertIn(str(self.home), done.stderr, args)
            self.assertFalse(self.home.exists(), args)

    def test_an_endpoint_is_looked_at_before_the_keys(self):
        done = self.clary("--endpoint", "localhost:1", "jobs", check=False)
        self.assertIn("'localhost:1' is no endpoint", done.stderr)
        done = self.clary("--endpoint", "http://localhost:1", "jobs", check=False)
        self.assertIn("no credentials", done.stderr)

    def test_s3_cp_takes_standard_input_and_output(self):
        self.clary("s3", "mb", "pipes-bucket")
        self.clary("s3", "cp", "-", "s3://pipes-bucket/a", input="some\ntext\n")
        self.assertEqual(self.clary("s3", "cp", "s3://pipes-bucket/a", "-").stdout, "some\ntext\n")
        self.assertFalse(pathlib.Path("-").exists())
        for args in (["-", "s3://pipes-bucket"], ["s3://pipes-bucket/", "-"], ["-", "-"],
                     ["-r", "s3://pipes-bucket/a", "-"]):
            self.assertEqual(self.clary("s3", "cp", *args, check=False, input="").returncode, 2, args)
        full = self.clary("s3", "rb", "s3://pipes-bucket", check=False)
        self.assertEqual(full.returncode, 1)
        self.assertIn("--force", full.stderr)
        self.clary("s3", "rb", "pipes-bucket", "--force")
        self.assertNotIn("pipes-bucket", self.clary("s3", "ls").stdout)

    def test_wrong_words_get_the_right_ones(self):
        for args, message in ((["trian"], "Did you mean train?"),
                              (["train", "--train", "x", "--num-rounds", "3"], "Did you mean --num-round?"),
                              (["train", "--train", "x", "--num-round", "0"], "'0' is not a whole number"),
                              (["jobs", "--status", "Done"], "is not one of InProgress"),
                              (["completion", "bahs"], "Did you mean bash?"),
                              (["train", "--train", ""], "--train: it is empty"),
                              (["describe", ""], "it is empty")):
            done = self.clary(*args, check=False)
            self.assertEqual((done.returncode, done.stdout), (2, ""), args)
            self.assertIn(message, done.stderr)
            self.assertLess(len(done.stderr), 300, done.stderr)
        error = json.loads(self.clary("--json", "jobs", "--max", "0", check=False).stderr)["error"]
        self.assertEqual(error["code"], "Usage")

    def test_bash_completes_commands_options_and_choices(self):
        script = self.clary("completion", "bash").stdout

        def complete(*words, env=None):
            line = " ".join(f"'{w}'" for w in words)
            done = subprocess.run(
                ["bash", "--norc", "-c", f"{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}\n"
                 "_clary; printf '%s\\n' \"${COMPREPLY[@]}\""], capture_output=True, text=True, check=True, env=env)
            self.assertEqual(done.stderr, "")
            return done.stdout.split()

        self.assertEqual(complete("clary", "tr"), ["train", "transform"])
        self.assertEqual(complete("clary", "s3", ""), ["ls", "cp", "rm", "mb", "rb"])
        self.assertEqual(complete("clary", "s3", "cp", "--rec"), ["--recursive"])
        self.assertIn("--num-round", complete("clary", "train", "--"))
        self.assertIn("--home", complete("clary", "train", "--"))
        self.assertEqual(complete("clary", "jobs", "--status", "St"), ["Stopping", "Stopped"])
        self.assertEqual(complete("clary", "completion", "z"), ["zsh"])
        self.assertEqual(complete("clary", "train", "--train", ""), [])  # files
        self.assertNotIn("manual", complete("clary", ""))
        self.assertIn("train", complete("clary", "help", ""))
        for name in ("shop-one", "shop-two", "other"):
            self.clary("train", *self.data, "--num-round", 1, "--name", name)
        os.symlink(CLARY, self.dir / "clary")
        path = {"PATH": f"{self.dir}:{os.environ['PATH']}", "HOME": str(self.home), "CLARY_HOME": str(self.home)}
        for command in ("describe", "stop", "logs", "report", "predict"):
            self.assertEqual(complete("clary", command, "sho", env=path), ["shop-two", "shop-one"])

    def test_zsh_and_fish_read_their_completions(self):
        tried = 0
        for shell, test in (("zsh", ["-n"]), ("fish", ["--no-execute"])):
            if shutil.which(shell) is None:
                print(f"{shell} is not here: its completions are not tried")
                continue
            path = self.dir / f"clary.{shell}"
            path.write_text(self.clary("completion", shell).stdout)
            done = subprocess.run([shell, *test, path], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), shell)
            tried += 1
        if tried == 0:
            self.skipTest("neither zsh nor fish is installed")

    def test_s3_carries_trees_there_and_back(self):
        tree = self.dir / "tree"
        for path, text in (("a.txt", "a"), ("b/c.txt", "c"), ("b/ä ö.txt", "umlaut"), ("e/f", "")):
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
        self.clary("s3", "mb", "s3://some-bucket")
        self.clary("s3", "cp", tree, "s3://some-bucket/x", "-r")
        self.clary("s3", "cp", "s3://some-bucket/x", "s3://some-bucket/y/", "-r")
        self.clary("s3", "cp", "s3://some-bucket/y", self.dir / "back", "-r")
        for path in ("a.txt", "b/c.txt", "b/ä ö.txt", "e/f"):
            self.assertEqual((self.dir / "back" / path).read_text(), (tree / path).read_text())
        self.clary("s3", "rm", "s3://some-bucket/x/b", "-r")
        left = json.loads(self.clary("s3", "ls", "s3://some-bucket/x/", "-r", "--json").stdout)
        self.assertEqual([o["key"] for o in left], ["x/a.txt", "x/e/f"])

    def test_ctrl_c_stops_the_job_cleanly(self):
        process = subprocess.Popen(
            [CLARY, "train", *map(str, self.data), "--num-round", "100000", "--name", "long",
             "--json"], stdout=subprocess.PIPE, text=True,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), "CLARY_HOME": str(self.home)})
        log = self.home / "logs"
        service.wait_for(lambda: any(b"[3]" in f.read_bytes() for f in log.rglob("*")
                                     if f.is_file()), what="the third round")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1)
        self.assertEqual(json.loads(out)["status"], "Stopped")
        self.assertEqual(json.loads(out)["model"], "")  # it left none
        self.assertNotIn("model.tar.gz", self.clary("describe", "long").stdout)
        left = self.clary("predict", "long", self.dir / "train.csv", check=False).stderr
        self.assertIn("has no model: it is Stopped", left)
        self.assertEqual(json.loads(self.clary("jobs", "--json").stdout)[0]["status"], "Stopped")


class Serving(unittest.TestCase):
    def test_starts_fast_and_ends_on_sigterm(self):
        with service.Service() as served:
            rss = int(subprocess.run(["ps", "-o", "rss=", "-p", str(served.process.pid)],
                                     capture_output=True, text=True).stdout)
            self.assertLess(rss, 80_000, "KB; the benchmark holds the real bar")
            self.assertEqual(served.home.joinpath("credentials.json").stat().st_mode & 0o777, 0o600)
        self.assertEqual(served.process.returncode, 0)

    def test_the_address_is_known_once_the_service_answers(self):
        for _ in range(5):
            with tempfile.TemporaryDirectory() as home, socket.socket() as taken:
                taken.bind(("127.0.0.1", 0))
                port = taken.getsockname()[1]
                taken.close()
                with subprocess.Popen([CLARY, "serve", "--port", str(port), "--home", home, "-q"],
                                      env={"PATH": os.environ["PATH"], "HOME": home}) as process:
                    def healthy():
                        assert process.poll() is None
                        try:
                            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
                                return answer.status == 200
                        except OSError:
                            return False

                    end = time.monotonic() + 30
                    while not healthy():  # without a pause: the file has to be there at once
                        self.assertLess(time.monotonic(), end)
                    state = json.loads(pathlib.Path(home, "service.json").read_text())
                    self.assertEqual(state["endpoint"], f"http://127.0.0.1:{port}")
                    self.assertIn(f":{port}", clary("env", home=home).stdout)
                    process.terminate()

    def test_a_second_service_on_the_home_and_a_busy_port_say_so(self):
        with service.Service() as served:
            second = clary("serve", "--port", "0", home=served.home, check=False)
            self.assertEqual(second.returncode, 1)
            self.assertIn(served.endpoint, second.stderr)
            with tempfile.TemporaryDirectory() as other:
                busy = clary("serve", "--port", served.endpoint.rsplit(":", 1)[1], home=other,
                             check=False)
                self.assertEqual(busy.returncode, 1)
                self.assertIn("port", busy.stderr)

    def test_a_home_of_a_newer_version_is_left_alone(self):
        with tempfile.TemporaryDirectory() as home:
            pathlib.Path(home, "version").write_text("99\n")
            done = clary("serve", "--port", "0", home=home, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("version", done.stderr)
            self.assertEqual(pathlib.Path(home, "version").read_text(), "99\n")

    def test_exec_points_a_program_at_the_service(self):
        with service.Service() as served:
            out = clary("exec", "--", "sh", "-c", "echo $AWS_ENDPOINT_URL; exit 7",
                        home=served.home, check=False)
            self.assertEqual((out.returncode, out.stdout.strip()), (7, served.endpoint))

    def test_exec_leaves_no_other_way_out(self):
        elsewhere = {"AWS_ENDPOINT_URL_CLOUDWATCH": "http://127.0.0.1:9", "AWS_PROFILE": "work",
                     "AWS_ENDPOINT_URL_ANY_SERVICE": "http://127.0.0.1:9",
                     "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
        with service.Service() as served:
            out = clary("exec", "--", "env", home=served.home, env=elsewhere).stdout
            self.assertIn("\nAWS_ENDPOINT_URL=", "\n" + out)
            for name in elsewhere:
                self.assertNotIn(name, out)
            lines = clary("env", home=served.home, env=elsewhere).stdout
            self.assertIn("unset AWS_ENDPOINT_URL_ANY_SERVICE\n", lines)
            none = clary("jobs", "--name", "zzz", home=served.home).stdout
            self.assertIn("no training job is like that", none)

    def test_a_device_is_never_replaced_by_a_file(self):
        with service.Service() as served, tempfile.TemporaryDirectory() as folder:
            clary("s3", "mb", "s3://devices", home=served.home)
            data = pathlib.Path(folder, "some.txt")
            data.write_text("1,2\n")
            clary("s3", "cp", data, "s3://devices/a", home=served.home)
            pipe = pathlib.Path(folder, "pipe")
            os.mkfifo(pipe)
            for args in (("s3", "cp", "s3://devices/a", pipe),
                         ("train", "--train", data, "--num-round", 1, "--save", pipe)):
                out = clary(*args, home=served.home, check=False)
                self.assertNotEqual(out.returncode, 0, args)
                self.assertIn("is no regular file", out.stderr, args)
            self.assertTrue(pipe.is_fifo())

    def test_keys_come_and_go(self):
        with service.Service() as served:
            key = json.loads(clary("keys", "create", "--json", home=served.home).stdout)
            use = {"AWS_ACCESS_KEY_ID": key["access_key_id"], "AWS_DEFAULT_REGION": "us-east-1",
                   "AWS_SECRET_ACCESS_KEY": key["secret_access_key"]}
            other = ("--endpoint", served.endpoint, "jobs")
            clary(*other, home="/nowhere", env=use)
            wrong = clary(*other, home="/nowhere", check=False,
                          env=use | {"AWS_SECRET_ACCESS_KEY": "wrong"})
            self.assertEqual(wrong.returncode, 1)
            self.assertIn("signature", wrong.stderr)
            unknown = clary("keys", "delete", "AK<&>'\"", home=served.home, check=False)
            self.assertIn("AK<&>'\"", unknown.stderr)
            clary("keys", "delete", key["access_key_id"], home=served.home)
            self.assertEqual(clary(*other, home="/nowhere", check=False, env=use).returncode, 1)


if __name__ == "__main__":
    unittest.main()
