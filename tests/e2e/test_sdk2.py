"""The official tutorial's calls, unchanged: SageMaker Python SDK v2, AWS CLI, and the C++ SDK."""
import json
import os
import pathlib
import subprocess
import unittest

import models
import service
from service import SOURCE, census, clary

ROUNDS = 60


class Tutorial(service.ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for part in ("train", "validation"):
            (cls.dir / f"{part}.csv").write_bytes(census(part))

    def run_with_service(self, *command):
        """`clary exec`, with nothing else told to the program."""
        done = subprocess.run(
            [service.CLARY, "exec", "--", *map(str, command)], cwd=self.dir, capture_output=True,
            text=True, timeout=400, env={"PATH": os.environ["PATH"], "HOME": str(self.dir),
                                         "CLARY_HOME": str(self.service.home)})
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
        return done.stdout

    def model_of(self, printed):
        """The path of the model whose URI was the last thing printed, its job's description."""
        uri = printed.strip().splitlines()[-1].split()[-1]
        archive = self.dir / "model.tar.gz"
        clary("s3", "cp", uri, archive, home=self.service.home)
        name = uri.split("/")[-3]
        return archive, json.loads(clary("describe", name, "--json", home=self.service.home).stdout)

    def check(self, printed):
        for status in ("Starting", "Training", "Uploading", "Completed"):
            self.assertIn(f" {status} - ", printed)
        # Every round once, in order.
        rounds = [int(line[1:line.index("]")]) for line in printed.splitlines()
                  if line.startswith("[") and "validation-error" in line]  # of image 1.2-1
        self.assertEqual(rounds, list(range(ROUNDS)))
        # The rules have ended well, and both reports are on this machine.
        self.assertIn("\nCreateXgboostReport NoIssuesFound", printed)
        self.assertRegex(printed, r"\nProfilerReport-\d{10} (NoIssuesFound|IssuesFound)")
        pages = [pathlib.Path(line.removeprefix("report ")) for line in printed.splitlines()
                 if line.startswith("report ")]
        self.assertEqual(sorted(p.name for p in pages),
                         ["profiler-report.html", "xgboost_report.html"])
        for page in pages:
            self.assertIn("<html", page.read_text().lower())

        archive, job = self.model_of(printed)
        self.assertEqual(job["TrainingJobStatus"], "Completed")
        metrics = {m["MetricName"]: m["Value"] for m in job["FinalMetricDataList"]}
        booster = models.load(archive)
        for part in ("train", "validation"):
            self.assertAlmostEqual(models.error(booster, part), metrics[f"{part}:error"],
                                   places=4, msg="XGBoost predicts what we measured")
        theirs = models.trained({"max_depth": 5, "eta": 0.2, "gamma": 4, "min_child_weight": 6,
                                 "subsample": 0.7, "objective": "binary:logistic"}, ROUNDS)
        self.assertAlmostEqual(models.logloss(theirs, "validation"),
                               models.logloss(booster, "validation"), delta=0.002, msg="as good as XGBoost's own")

    def test_in_python(self):
        self.check(self.run_with_service("python", SOURCE / "examples/tutorial.py", "--rounds",
                                         ROUNDS, "--results", self.dir / "results"))

    def test_in_cpp(self):
        self.check(self.run_with_service(os.environ["CLARY_TUTORIAL"], self.dir, ROUNDS))

    def test_aws_cli(self):
        def aws(*args):
            return self.run_with_service("aws", *args)

        account = json.loads(aws("sts", "get-caller-identity"))["Account"]
        aws("s3", "mb", "s3://cli-bucket")
        for part in ("train", "validation"):
            aws("s3", "cp", self.dir / f"{part}.csv", f"s3://cli-bucket/{part}/")
        self.assertIn("train.csv", aws("s3", "ls", "s3://cli-bucket", "--recursive"))
        request = self.service.request("from-the-cli", bucket="cli-bucket")
        aws("sagemaker", "create-training-job", "--cli-input-json", json.dumps(request))
        aws("sagemaker", "wait", "training-job-completed-or-stopped", "--training-job-name",
            "from-the-cli")
        job = json.loads(aws("sagemaker", "describe-training-job", "--training-job-name",
                             "from-the-cli"))
        self.assertEqual(job["TrainingJobStatus"], "Completed")
        self.assertIn(account, job["TrainingJobArn"])
        stream = json.loads(aws("logs", "describe-log-streams", "--log-group-name",
                                "/aws/sagemaker/TrainingJobs", "--log-stream-name-prefix",
                                "from-the-cli/"))["logStreams"][0]["logStreamName"]
        self.assertIn("[9]#011", aws("logs", "get-log-events", "--log-group-name",
                                     "/aws/sagemaker/TrainingJobs", "--log-stream-name", stream))


if __name__ == "__main__":
    unittest.main()
