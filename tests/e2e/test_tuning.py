"""Automatic model tuning by the unmodified SageMaker Python SDK v2, through kills of the service, and
`clary tune`."""
import copy
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tarfile
import time
import unittest
from random import Random

import models
import service
from service import census, clary, wait_for

PROGRAM = """
import copy
import json
import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.tuner import (CategoricalParameter, ContinuousParameter, HyperparameterTuner,
                             IntegerParameter)

session = sagemaker.Session()
bucket = session.default_bucket()
data = {part: TrainingInput(session.upload_data(part + ".csv", bucket, "tuning"),
                            content_type="text/csv") for part in ("train", "validation")}
estimator = Estimator(
    sagemaker.image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1"),
    role=sagemaker.get_execution_role(), instance_count=1, instance_type="ml.m5.xlarge",
    output_path=f"s3://{bucket}/tuned")
estimator.set_hyperparameters(objective="binary:logistic", num_round=20)
tuner = HyperparameterTuner(
    estimator, "validation:auc",
    {"eta": ContinuousParameter(0.01, 0.5, scaling_type="Logarithmic"),
     "max_depth": IntegerParameter(2, 8), "subsample": ContinuousParameter(0.5, 1),
     "booster": CategoricalParameter(["gbtree", "dart"])},
    max_jobs=12, max_parallel_jobs=2, random_seed=3, early_stopping_type="Auto", base_tuning_job_name="census")
tuner.fit(data, wait=True)
name = tuner.latest_tuning_job.name
frame = tuner.analytics().dataframe()
again = HyperparameterTuner.attach(name)
assert again.best_training_job() == tuner.best_training_job()
best = tuner.best_estimator()
print(json.dumps({
    "name": name, "rows": len(frame), "best": tuner.best_training_job(),
    "columns": sorted(frame.columns), "top": float(frame["FinalObjectiveValue"].max()),
    "best_value": float(frame[frame.TrainingJobName == tuner.best_training_job()]
                        ["FinalObjectiveValue"].iloc[0]),
    "model": best.model_data, "hyperparameters": best.hyperparameters(),
    "ranges": sorted(r["Name"] for some in again.hyperparameter_ranges().values() for r in some)}))
"""


class Tuning(service.ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for part in ("train", "validation"):
            (cls.dir / f"{part}.csv").write_bytes(census(part))

    def test_the_sdk_tunes(self):
        done = subprocess.run(
            [service.CLARY, "exec", "--", sys.executable, "-c", PROGRAM], cwd=self.dir,
            capture_output=True, text=True, timeout=400,
            env={"PATH": os.environ["PATH"], "HOME": str(self.dir),
                 "CLARY_HOME": str(self.service.home)})
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
        told = json.loads(done.stdout.strip().splitlines()[-1])
        self.assertEqual(told["rows"], 12)
        self.assertEqual(told["best_value"], told["top"])
        self.assertGreater(told["top"], 0.91)
        for column in ("eta", "max_depth", "subsample", "booster", "TrainingJobStatus"):
            self.assertIn(column, told["columns"])
        self.assertEqual(told["ranges"], ["booster", "eta", "max_depth", "subsample"])
        self.assertEqual(told["hyperparameters"]["_tuning_objective_metric"], "validation:auc")
        archive = self.dir / "model.tar.gz"
        clary("s3", "cp", told["model"], archive, home=self.service.home)
        booster = models.load(archive)
        self.assertLess(models.error(booster, "validation"), 0.16)
        job = self.sagemaker.describe_training_job(TrainingJobName=told["best"])
        self.assertTrue(job["TuningJobArn"].endswith("/" + told["name"]))

    def request(self, name, most, seed=5, **limits):
        definition = self.service.request("x")
        return {
            "HyperParameterTuningJobName": name,
            "HyperParameterTuningJobConfig": {
                "Strategy": "Bayesian", "RandomSeed": seed,
                "HyperParameterTuningJobObjective": {"Type": "Maximize",
                                                     "MetricName": "validation:auc"},
                "ResourceLimits": {"MaxNumberOfTrainingJobs": most, "MaxParallelTrainingJobs": 2}
                | limits,
                "ParameterRanges": {
                    "ContinuousParameterRanges": [
                        {"Name": "eta", "MinValue": "0.05", "MaxValue": "0.5"},
                        {"Name": "gamma", "MinValue": "0", "MaxValue": "5"}],
                    "IntegerParameterRanges": [
                        {"Name": "max_depth", "MinValue": "2", "MaxValue": "8"}]}},
            "TrainingJobDefinition": {
                "StaticHyperParameters": {"objective": "binary:logistic", "num_round": "30"},
                **{member: definition[member] for member in
                   ("AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig",
                    "ResourceConfig", "StoppingCondition")}}}

    def describe(self, name):
        return self.service.boto("sagemaker").describe_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name)

    def trials(self, name):
        return self.service.boto("sagemaker").list_training_jobs_for_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name, MaxResults=100)["TrainingJobSummaries"]

    def wait_for_end(self, name, seconds=120):
        def ended():
            job = self.describe(name)
            return job if job["HyperParameterTuningJobStatus"] in ("Completed", "Failed", "Stopped") \
                else None
        return wait_for(ended, seconds, f"the end of {name}")

    def test_kills_change_nothing(self):
        self.sagemaker.create_hyper_parameter_tuning_job(**self.request("calm", 10))
        self.assertEqual(self.wait_for_end("calm")["HyperParameterTuningJobStatus"], "Completed")
        self.sagemaker.create_hyper_parameter_tuning_job(**self.request("killed", 10))
        for ended in (1, 4, 7):
            wait_for(lambda: self.describe("killed")["TrainingJobStatusCounters"]["Completed"] >= ended)
            self.service.kill()
            self.service.start()
        job = self.wait_for_end("killed")
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Completed", job.get("FailureReason"))
        self.assertEqual(job["TrainingJobStatusCounters"]["Completed"], 10)

        def tried(name):
            return [(t["TunedHyperParameters"],
                     t["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])
                    for t in self.trials(name)]

        self.assertEqual(tried("killed"), tried("calm"), "the same trials, each once")
        sagemaker = self.service.boto("sagemaker")
        names = [j["TrainingJobName"] for j in sagemaker.list_training_jobs(
            NameContains="killed-", MaxResults=100)["TrainingJobSummaries"]]
        self.assertEqual(len(names), 10)

        def model(name):
            best = self.describe(name)["BestTrainingJob"]["TrainingJobName"]
            uri = sagemaker.describe_training_job(TrainingJobName=best)["ModelArtifacts"]
            archive = self.dir / f"{name}.tar.gz"
            clary("s3", "cp", uri["S3ModelArtifacts"], archive, home=self.service.home)
            return models.load(archive).save_raw()

        self.assertEqual(model("killed"), model("calm"), "and the same model")

    def host_processes(self, role):
        """Processes of trial hosts of this test's service: "runner", or "program", the one that forks."""
        out = []
        for proc in pathlib.Path("/proc").iterdir():
            try:
                words = (proc / "cmdline").read_text("latin-1").split("\0") if proc.name.isdigit() else []
                if role == "runner" and "runner" in words[:2] and any(
                        str(self.service.home) in w and "/tuning_jobs/" in w for w in words):
                    out.append(int(proc.name))
                if role == "program" and "xgboost-trials" in words[:3] and str(self.service.home) in (
                        proc / "mountinfo").read_text():
                    parent = int((proc / "stat").read_text().rsplit(")", 1)[1].split()[1])
                    grand = (pathlib.Path("/proc") / str(parent) / "cmdline").read_text("latin-1")
                    if "xgboost-trials" not in grand or "bwrap" in grand:
                        out.append(int(proc.name))
            except OSError:
                continue
        return out

    def log_of(self, job):
        """Without the times that are in it."""
        text = clary("logs", job, home=self.service.home).stdout
        return re.sub(r"\[\d{4}-\d\d-\d\d:\d\d:\d\d:\d\d:", "[", text)

    def files_of(self, job):
        """Every member of its model.tar.gz but for the times."""
        archive = self.dir / f"{job['TrainingJobName']}.tar.gz"
        clary("s3", "cp", job["ModelArtifacts"]["S3ModelArtifacts"], archive, home=self.service.home)
        with tarfile.open(archive) as tar:
            return [(m.name, m.mode, m.uid, m.gid, m.type, m.isfile() and tar.extractfile(m).read())
                    for m in tar]

    def test_a_hosted_trial_is_as_if_it_had_run_alone(self):
        request = self.request("hosted", 5)
        request["TrainingJobDefinition"]["StaticHyperParameters"] |= {"num_round": "12", "max_bin": "64"}
        self.sagemaker.create_hyper_parameter_tuning_job(**request)
        self.wait_for_end("hosted")
        hosts = list((self.service.home / "jobs/tuning_jobs").glob("hosted-*/orders.jsonl"))
        self.assertEqual(len(hosts), 1, "one launch for all")
        self.assertEqual(hosts[0].read_text().count('"run"'), 5)
        for number, trial in enumerate(self.trials("hosted")):
            hosted = self.sagemaker.describe_training_job(TrainingJobName=trial["TrainingJobName"])
            self.assertFalse((self.service.home / "jobs" / trial["TrainingJobName"] / "runner.log").exists())
            alone = {member: copy.deepcopy(hosted[member]) for member in (
                "AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig",
                "StoppingCondition", "HyperParameters")}
            name = f"alone-{number}"
            for metric in alone["AlgorithmSpecification"].pop("MetricDefinitions"):
                if metric["Name"] == "ObjectiveMetric":
                    alone["AlgorithmSpecification"]["MetricDefinitions"] = [metric]
            self.sagemaker.create_training_job(TrainingJobName=name, **alone)
            alone = self.service.wait(name)
            self.assertEqual(self.log_of(trial["TrainingJobName"]), self.log_of(name))
            self.assertEqual(self.files_of(hosted), self.files_of(alone))

            def plain(job):
                out = json.loads(json.dumps(job, default=str).replace(job["TrainingJobName"], "NAME"))
                for member in ("TuningJobArn", "ResponseMetadata", "TrainingTimeInSeconds",
                               "BillableTimeInSeconds"):
                    out.pop(member, None)
                for member in list(out):
                    if member.endswith("Time"):
                        out[member] = "a time"
                out["SecondaryStatusTransitions"] = [
                    (t["Status"], t["StatusMessage"]) for t in out["SecondaryStatusTransitions"]
                    if t["Status"] not in ("Pending", "Uploading")]  # which may be too short to be seen
                for metric in out["FinalMetricDataList"]:
                    metric.pop("Timestamp")
                return out

            self.assertEqual(plain(hosted), plain(alone))
            streams = self.service.boto("logs").describe_log_streams(
                logGroupName="/aws/sagemaker/TrainingJobs",
                logStreamNamePrefix=trial["TrainingJobName"])["logStreams"]
            self.assertEqual(len(streams), 1)

    def test_one_trial_is_stopped_and_the_others_go_on(self):
        request = self.request("one-stops", 4)
        request["TrainingJobDefinition"]["StaticHyperParameters"]["num_round"] = "100000"
        self.sagemaker.create_hyper_parameter_tuning_job(**request)

        def training():
            out = [t["TrainingJobName"] for t in self.trials("one-stops")
                   if t["TrainingJobStatus"] == "InProgress"]
            return out if len(out) == 2 and all(
                self.sagemaker.describe_training_job(TrainingJobName=n)["SecondaryStatus"] == "Training"
                for n in out) else None

        for _ in range(2):
            first, second = sorted(wait_for(training, what="two trials that train"))
            self.sagemaker.stop_training_job(TrainingJobName=first)
            self.assertEqual(self.service.wait(first)["TrainingJobStatus"], "Stopped")
            job = self.sagemaker.describe_training_job(TrainingJobName=second)
            self.assertEqual(job["TrainingJobStatus"], "InProgress")
        self.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="one-stops")
        self.assertEqual(self.wait_for_end("one-stops")["TrainingJobStatusCounters"]["InProgress"], 0)
        wait_for(lambda: not self.host_processes("runner"), what="the end of the host")

    def test_kills_of_everybody_cost_no_trial(self):
        random = Random(4)
        for turn in range(3):
            name = f"everybody-{turn}"
            request = self.request(name, 14, seed=turn)
            request["TrainingJobDefinition"]["StaticHyperParameters"]["num_round"] = "60"
            sagemaker = self.service.boto("sagemaker")
            sagemaker.create_hyper_parameter_tuning_job(**request)
            for kill in range(3):
                ended = 3 * kill + random.randrange(3)
                wait_for(lambda: self.describe(name)["TrainingJobStatusCounters"]["Completed"] >= ended or
                         self.describe(name)["HyperParameterTuningJobStatus"] != "InProgress")
                time.sleep(random.random() * 0.1)  # when it dies is what is tested
                victim = random.choice(["service", "runner", "program", "runner and service"])
                for role in ("runner", "program"):
                    if role in victim:
                        for pid in self.host_processes(role):
                            try:
                                os.kill(pid, signal.SIGKILL)
                            except ProcessLookupError:
                                pass
                if "service" in victim:
                    self.service.kill()
                    self.service.start()
            job = self.wait_for_end(name)
            self.assertEqual(job["HyperParameterTuningJobStatus"], "Completed", job.get("FailureReason"))
            self.assertEqual(job["TrainingJobStatusCounters"]["Completed"], 14, job)
            trials = self.trials(name)
            self.assertEqual([int(t["TrainingJobName"].split("-")[2]) for t in trials], list(range(1, 15)))
            for trial in trials:
                self.assertIn(self.log_of(trial["TrainingJobName"]).count("\n[59]"), (1, 2))
        wait_for(lambda: not self.host_processes("runner"), what="the end of the hosts")

    def test_stop(self):
        self.sagemaker.create_hyper_parameter_tuning_job(**self.request("stopped", 200))
        wait_for(lambda: len(self.trials("stopped")) > 2)
        self.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="stopped")
        job = self.wait_for_end("stopped")
        self.assertEqual(job["HyperParameterTuningJobStatus"], "Stopped")
        self.assertEqual(job["TrainingJobStatusCounters"]["InProgress"], 0)
        self.assertIn("BestTrainingJob", job)

    def test_what_the_algorithm_refuses_is_told_at_once(self):
        request = self.request("refused", 10)
        request["TrainingJobDefinition"]["StaticHyperParameters"]["lambda"] = "-1"
        with self.assertRaisesRegex(Exception, r"Hyperparameter lambda: -1.0 is not in \[0, \+inf\)"):
            self.sagemaker.create_hyper_parameter_tuning_job(**request)

    def test_clary_tune(self):
        told = json.loads(clary(
            "tune", "--train", self.dir / "train.csv", "--validation", self.dir / "validation.csv",
            "--objective", "binary:logistic", "--num-round", "20", "--range", "eta=0.01:0.5:log",
            "--range", "max_depth=2:8", "--range", "booster=gbtree,dart", "--max-jobs", "6",
            "--name", "by-hand", "--json", home=self.service.home).stdout)
        self.assertEqual(told["status"], "Completed")
        self.assertEqual(len(told["trials"]), 6)
        best = max(told["trials"], key=lambda t: t["value"])
        self.assertEqual(told["best"], best)
        self.assertEqual(sorted(best["hyperparameters"]), ["booster", "eta", "max_depth"])
        plain = clary("tune", "--train", self.dir / "train.csv", "--validation",
                      self.dir / "validation.csv", "--objective", "binary:logistic",
                      "--num-round", "5", "--range", "max_depth=2,3", "--strategy", "grid",
                      home=self.service.home).stdout
        self.assertIn("Completed", plain)
        self.assertIn("max_depth", plain)
        wrong = clary("tune", "--train", self.dir / "train.csv", "--range", "eta", check=False,
                      home=self.service.home)
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("--range eta", wrong.stderr)

    def test_clary_tunes_a_table(self):
        """--label: a header, texts as columns and as label."""
        folder = self.dir / "table"
        folder.mkdir()
        for name, rows in (("people", range(0, 400)), ("more", range(400, 520))):
            lines = ["age,city,income"]
            for i in rows:
                age, city = 20 + i * 7 % 50, ("Rome", "Oslo", "Lima")[i % 3]
                lines.append(f"{age},{city},{'high' if (age > 40) != (city == 'Lima' and i % 5 == 0) else 'low'}")
            (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
        told = json.loads(clary(
            "tune", "--train", folder / "people.csv", "--validation", folder / "more.csv", "--label", "income", "--positive", "high",
            "--range", "max_depth=1:4", "--num-round", "5", "--max-jobs", "3", "--name", "of-a-table", "--json",
            home=self.service.home).stdout)
        self.assertEqual(told["status"], "Completed", told)
        self.assertEqual(told["metric"], "validation:auc", "two texts are two classes")
        self.assertGreater(told["best"]["value"], 0.8)
        self.assertIn("tuning-report.html", told["reports"][0])
        job = self.sagemaker.describe_training_job(TrainingJobName=told["best"]["name"])
        self.assertEqual(job["HyperParameters"]["objective"], "binary:logistic")
        no_label = clary("tune", "--train", folder / "people.csv", check=False, home=self.service.home)
        self.assertEqual(no_label.returncode, 2)
        self.assertIn("clary tune --train", no_label.stderr)
        self.assertIn("age, city, income", no_label.stderr)

    def test_clary_shows_tuning_jobs(self):
        self.sagemaker.create_hyper_parameter_tuning_job(**self.request("shown", 4))
        self.wait_for_end("shown")
        home = self.service.home
        self.assertIn("shown", clary("jobs", "--tuning", home=home).stdout)
        listed = json.loads(clary("jobs", "--tuning", "--name", "shown", "--json", home=home).stdout)
        self.assertEqual([(j["name"], j["trials"], j["max_trials"]) for j in listed], [("shown", 4, 4)])
        described = clary("describe", "shown", home=home).stdout
        for word in ("Completed", "4 completed of 4", "shown/tuning-report", "best  shown-0"):
            self.assertIn(word, described)
        as_json = json.loads(clary("describe", "shown", "--json", home=home).stdout)
        self.assertEqual(as_json["HyperParameterTuningJobStatus"], "Completed")
        report = json.loads(clary("report", "shown", "--json", home=home).stdout)
        self.assertTrue(report["final"])
        self.assertEqual([os.path.basename(f) for f in sorted(report["files"])],
                         ["tuning-report.csv", "tuning-report.html", "tuning-report.json"])
        # A trial's own report is made when it is asked for, of the same model.
        trial = self.trials("shown")[1]
        name = trial["TrainingJobName"]
        self.assertIn("--train-again", clary("report", name, check=False, home=home).stderr)
        for _ in range(2):  # made, and found
            report = json.loads(clary("report", name, "--train-again", "--json", home=home).stdout)
            self.assertEqual(report["job"], f"{name}-report")
            self.assertTrue(report["pages"][0].endswith("xgboost_report.html"), report)
        again = self.sagemaker.describe_training_job(TrainingJobName=f"{name}-report")
        self.assertNotIn("TuningJobArn", again)
        jobs = [self.sagemaker.describe_training_job(TrainingJobName=n) for n in (name, f"{name}-report")]
        self.assertEqual(*[next(f for f in self.files_of(j) if f[0].endswith("xgboost-model")) for j in jobs])
        self.sagemaker.create_hyper_parameter_tuning_job(**self.request("long", 300))
        self.assertIn("Stopped", clary("stop", "long", "--wait", home=home).stdout)
        # It is gone with its report's processing job, whose files stay.
        self.sagemaker.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="shown")

        def gone():
            names = [j["ProcessingJobName"] for j in self.sagemaker.list_processing_jobs(NameContains="shown-tuning-report")["ProcessingJobSummaries"]]
            return not names
        wait_for(gone)

    def test_the_cpp_tuner(self):
        """examples/tuner.cc."""
        done = subprocess.run([os.environ["CLARY_TUNER"], str(self.dir), "6"], capture_output=True, text=True, timeout=120,
                              env={"PATH": os.environ["PATH"], "HOME": "/nowhere"} | self.service.environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        trials = [line.split() for line in lines if " Completed " in line]
        self.assertEqual(len(trials), 6)
        best = next(line.split()[1] for line in lines if line.startswith("best "))
        top = max(trials, key=lambda t: float(t[2]))
        self.assertEqual(best, top[0])
        self.assertTrue(any(line.startswith("report s3://") for line in lines), done.stdout)
        self.assertIn(f"/{best}/output/model.tar.gz", next(line for line in lines if line.startswith("model ")))


if __name__ == "__main__":
    unittest.main()
