"""Users' own scripts from the command line: clary environments, train --script, process."""
import json
import os
import subprocess
import sys
import tarfile
import unittest

import scripts
from scripts import SOURCE, census, clary

EXAMPLE = SOURCE / "examples/script"


class CommandLine(scripts.ScriptsTest):
    def clary(self, *args, **options):
        return clary(*args, home=self.service.home, **options)

    def test_the_examples_as_their_readme_says(self):
        (self.dir / "data.csv").write_bytes(census("train"))
        done = json.loads(self.clary(
            "process", "--script", EXAMPLE / "prepare.py", "--framework", "sklearn:1.2-1",
            "--input", f"raw={self.dir / 'data.csv'}", "--output", f"train={self.dir / 'train'}",
            "--output", f"validation={self.dir / 'validation'}", "--json", "--", "--share",
            "0.9").stdout)
        self.assertEqual(done["status"], "Completed")
        rows = len(census("train").splitlines())
        self.assertEqual(len((self.dir / "train/train.csv").read_text().splitlines()),
                         int(rows * 0.9))
        channels = ("--train", self.dir / "train", "--validation", self.dir / "validation")
        printed = self.clary(
            "train", "--script", "train.py", "--source-dir", EXAMPLE / "sklearn", "--framework",
            "sklearn:1.2-1", *channels, "--hyperparameter", "n-estimators=15", "--metric",
            "validation:accuracy=validation-accuracy: ([0-9.]+)", "--save",
            self.dir / "model.tar.gz").stdout
        self.assertRegex(printed, r"\nvalidation-accuracy: 0\.8")
        self.assertRegex(printed, r"\n  validation:accuracy 0\.8")
        self.assertNotIn("SM_HPS", printed)  # the start's many lines are for --verbose
        with tarfile.open(self.dir / "model.tar.gz") as tar:
            self.assertIn("model.joblib", tar.getnames())
        done = json.loads(self.clary(
            "train", "--script", "train.py", "--source-dir", EXAMPLE / "xgboost", "--framework",
            "xgboost:1.7-1", *channels, "--hyperparameter", "num_round=5", "--json").stdout)
        self.assertEqual(done["status"], "Completed")
        self.assertIn("xgboost-model.json", self.model(done["model"]))

    def test_the_sdk_runs_the_examples_too(self):
        (self.dir / "raw.csv").write_bytes(census("validation"))
        done = subprocess.run(
            [scripts.service.CLARY, "exec", "--", sys.executable, EXAMPLE / "run.py", "raw.csv"],
            cwd=self.dir, capture_output=True, text=True, timeout=300,
            env={"PATH": os.environ["PATH"], "HOME": str(self.dir),
                 "CLARY_HOME": str(self.service.home)})
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
        self.assertEqual(done.stdout.count("\nmodel s3://"), 2)

    def test_a_script_that_fails_says_why_and_where_to_look(self):
        script = self.write("bad.py", "raise ValueError('no good')\n")
        done = self.clary("train", "--script", script, "--image", "my-image:1", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("ValueError: no good", done.stderr)
        self.assertIn("clary logs", done.stderr)
        done = self.clary("process", "--script", script, "--image", "my-image:1", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("ValueError: no good", done.stderr)

    def test_what_is_wrong_is_told_before_anything_is_stored(self):
        script = self.write("fine.py", "pass\n")
        for arguments, told in (
                (("--script", "none.py"), "there is no entry point none.py"),
                (("--script", script, "--framework", "sklaern:1.2-1"), "Did you mean sklearn?"),
                (("--script", script, "--framework", "sklearn"), "--framework sklearn:1.2-1"),
                (("--script", script, "--num-round", "3"), "does not go with --script"),
                (("--script", script, "--hyperparameter", "x"), "name=value"),
                (("--source-dir", "src", "--train", "x.csv"), "--script")):
            done = self.clary("train", *arguments, check=False)
            self.assertNotEqual(done.returncode, 0, arguments)
            self.assertIn(told, done.stderr, arguments)
        (self.dir / "nothing").mkdir()
        for arguments, told in (
                (("--input", "raw=none.csv"), "there is no file none.csv"),
                (("--input", f"code={script}"), "choose another"),
                (("--input", f"raw={self.dir / 'nothing'}"), "is empty"),
                (("--output", "x=/proc/zz"), "/proc/zz cannot be made")):
            done = self.clary("process", "--script", script, *arguments, check=False)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(told, done.stderr, arguments)

    def test_environments_are_listed_added_and_removed(self):
        listed = json.loads(self.clary("environments", "list", "--json").stdout)
        self.assertIn("my-image:*", [rule["image"] for rule in listed["rules"]])
        self.clary("environments", "add", "other:*", self.venv)
        self.assertIn("other:*", self.clary("environments", "list").stdout)
        self.clary("environments", "remove", "other:*")
        self.assertNotIn("other:*", self.clary("environments", "list").stdout)
        for arguments, told in ((("add", "x", "/no/python"), "does not exist"),
                                (("remove", "other:*"), "there is no environment 'other:*'"),
                                (("build", "sklaern", "1.2-1"), "Did you mean sklearn?")):
            done = self.clary("environments", *arguments, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(told, done.stderr)


if __name__ == "__main__":
    unittest.main()
