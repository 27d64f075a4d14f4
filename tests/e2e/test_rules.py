"""Debugger rules of real jobs: what they find, what they do, and that none is left over."""
import json
import os
import pathlib
import signal
import unittest

import service
from service import PARAMETERS, clary, wait_for

EVALUATOR = "503895931360.dkr.ecr.us-east-1.amazonaws.com/sagemaker-debugger-rules:latest"
LONG = PARAMETERS | {"num_round": "100000"}
ENDED = ("NoIssuesFound", "IssuesFound", "Error", "Stopped")


def rule(name, **parameters):
    return {"RuleConfigurationName": name, "RuleEvaluatorImage": EVALUATOR,
            "RuleParameters": {"rule_to_invoke": name} | parameters}


def hook(**intervals):
    return {"S3OutputPath": "s3://data/output", "CollectionConfigurations": [
        {"CollectionName": name, "CollectionParameters": {"save_interval": str(interval)}}
        for name, interval in intervals.items()]}


class Rules(service.ServiceTest):
    def create(self, name, rules, **overrides):
        self.sagemaker.create_training_job(**self.service.request(
            name, DebugRuleConfigurations=rules, **overrides))

    def rules(self, job):
        d = self.sagemaker.describe_training_job(TrainingJobName=job)
        return d.get("DebugRuleEvaluationStatuses", []) + d.get("ProfilerRuleEvaluationStatuses", [])

    def ended_rules(self, job, seconds=60):
        def ended():
            rules = self.rules(job)
            return rules if all(r["RuleEvaluationStatus"] in ENDED for r in rules) else None
        return wait_for(ended, seconds, f"the end of the rules of {job}")

    def processing_job(self, status):
        return self.sagemaker.describe_processing_job(
            ProcessingJobName=status["RuleEvaluationJobArn"].split("/")[-1])

    def processes(self, job):
        """The ids of the processes that evaluate a job's rules."""
        found = []
        for proc in pathlib.Path("/proc").iterdir():
            try:
                line = (proc / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"rule" in line and any(f"{self.service.home}/jobs/{job}/rules".encode() in part
                                       for part in line):
                found.append(int(proc.name))
        return found

    def test_what_they_find(self):
        self.create("findings", [rule("LossNotDecreasing", num_steps="2"),
                                 rule("FeatureImportanceOverweight", threshold="0.01"),
                                 rule("NoSuchRule"), rule("Overfit", patience="many"),
                                 rule("CreateXgboostReport")],
                    DebugHookConfig=hook(metrics=1, losses=1, feature_importance=1, labels=5,
                                         predictions=5, hyperparameters=5),
                    ProfilerConfig={"S3OutputPath": "s3://data/output"})
        self.assertEqual(self.service.wait("findings")["TrainingJobStatus"], "Completed")
        rules = {r["RuleConfigurationName"]: r for r in self.ended_rules("findings")}
        details = {name: r.get("StatusDetails", "") for name, r in rules.items()}
        statuses = {name: r["RuleEvaluationStatus"] for name, r in rules.items()}
        profiler = next(name for name in rules if name.startswith("ProfilerReport-"))
        self.assertIn(statuses.pop(profiler), ("NoIssuesFound", "IssuesFound"), details)
        self.assertEqual(statuses, {
            "LossNotDecreasing": "NoIssuesFound", "FeatureImportanceOverweight": "IssuesFound",
            "NoSuchRule": "Error", "Overfit": "Error", "CreateXgboostReport": "NoIssuesFound"},
            details)
        self.assertIn("RuleEvaluationConditionMet", details["FeatureImportanceOverweight"])
        self.assertIn("no rule is named 'NoSuchRule'", details["NoSuchRule"])
        self.assertIn("patience", details["Overfit"])

        # Each is a processing job with a log of its own.
        job = self.processing_job(rules["FeatureImportanceOverweight"])
        self.assertEqual(job["ProcessingJobStatus"], "Completed")
        self.assertEqual(job["ExitMessage"], details["FeatureImportanceOverweight"])
        self.assertEqual(self.processing_job(rules["Overfit"])["ProcessingJobStatus"], "Failed")
        listed = self.sagemaker.get_paginator("list_processing_jobs").paginate(
            NameContains="findings", PaginationConfig={"PageSize": 2})
        names = [j["ProcessingJobName"] for page in listed for j in page["ProcessingJobSummaries"]]
        self.assertEqual(len(set(names)), 6)
        logs = self.service.boto("logs")
        group = "/aws/sagemaker/ProcessingJobs"
        stream = logs.describe_log_streams(
            logGroupName=group,
            logStreamNamePrefix=job["ProcessingJobName"])["logStreams"][0]["logStreamName"]
        events = logs.get_log_events(logGroupName=group, logStreamName=stream)["events"]
        self.assertIn("IssuesFound", events[-1]["message"])

        # The reports are in the store, and on this machine if asked for.
        keys = [o["Key"] for o in self.s3.list_objects_v2(
            Bucket="data", Prefix="output/findings/rule-output/")["Contents"]]
        for name in ("CreateXgboostReport/xgboost_report.html",
                     "CreateXgboostReport/xgboost_report.ipynb",
                     "CreateXgboostReport/xgboost-reports/LossData.json",
                     f"{profiler}/profiler-output/profiler-report.html",
                     f"{profiler}/profiler-output/profiler-reports/OverallSystemUsage.json"):
            self.assertIn("output/findings/rule-output/" + name, keys)
        pages = clary("report", "findings", home=self.service.home).stdout.split()
        self.assertEqual([pathlib.Path(p).name for p in pages],
                         ["xgboost_report.html", "profiler-report.html"])
        self.assertIn("findings", pathlib.Path(pages[0]).read_text())
        said = json.loads(clary("jobs", "--rules", "--name", "findings", "--json",
                                home=self.service.home).stdout)
        self.assertEqual(len(said[0]["rules"]), 6)

    def test_without_tensors(self):
        self.create("no-tensors", [rule("Overfit")])
        self.service.wait("no-tensors")
        status = self.ended_rules("no-tensors")[0]
        self.assertEqual(status["RuleEvaluationStatus"], "Error")
        self.assertIn("No debugging data was saved", status["StatusDetails"])

    def test_one_stops_its_job(self):
        # As the SDK sends it: folded to lower case, quotes escaped.
        action = r'[{\"name\": \"stoptraining\", \"training_job_prefix\": \"to-be-stopped\"},' \
                 r' {\"name\": \"email\", \"endpoint\": \"a@example.org\"}]'
        self.create("To-Be-Stopped",
                    [rule("FeatureImportanceOverweight", threshold="0.01", action_json=action)],
                    HyperParameters=LONG, DebugHookConfig=hook(feature_importance=10))
        self.assertEqual(self.service.wait("To-Be-Stopped")["TrainingJobStatus"], "Stopped")
        status = self.ended_rules("To-Be-Stopped")[0]
        self.assertEqual(status["RuleEvaluationStatus"], "IssuesFound")
        self.assertIn("the training job is being stopped", status["StatusDetails"])
        self.assertIn("neither a webhook nor a mail server", status["StatusDetails"])

    def test_stopping_the_job_ends_them(self):
        self.create("stopped", [rule("AllZero", tensor_regex="train-.*"),
                                rule("CreateXgboostReport")],
                    HyperParameters=LONG, DebugHookConfig=hook(metrics=10))
        wait_for(lambda: self.processes("stopped"), what="the rules' processes")
        self.sagemaker.stop_training_job(TrainingJobName="stopped")
        self.assertEqual(self.service.wait("stopped")["TrainingJobStatus"], "Stopped")
        for status in self.ended_rules("stopped"):
            self.assertEqual(status["RuleEvaluationStatus"], "NoIssuesFound", status)
        wait_for(lambda: not self.processes("stopped"), what="the end of their processes")

    def test_one_is_stopped_alone(self):
        self.create("alone", [rule("AllZero", tensor_regex="train-.*")],
                    HyperParameters=LONG, DebugHookConfig=hook(metrics=10))
        wait_for(lambda: self.processes("alone"), what="the rule's process")
        name = self.rules("alone")[0]["RuleEvaluationJobArn"].split("/")[-1]
        self.sagemaker.stop_processing_job(ProcessingJobName=name)
        self.assertEqual(self.ended_rules("alone")[0]["RuleEvaluationStatus"], "Stopped")
        job = self.sagemaker.describe_training_job(TrainingJobName="alone")
        self.assertEqual(job["TrainingJobStatus"], "InProgress")
        self.sagemaker.stop_training_job(TrainingJobName="alone")
        self.service.wait("alone")

    def test_one_is_killed(self):
        self.create("murdered", [rule("AllZero", tensor_regex="train-.*")],
                    HyperParameters=LONG, DebugHookConfig=hook(metrics=10))
        for pid in wait_for(lambda: self.processes("murdered"), what="the rule's process"):
            os.kill(pid, signal.SIGKILL)
        status = self.ended_rules("murdered")[0]
        self.assertEqual(status["RuleEvaluationStatus"], "Error")
        self.assertIn("before it reported a result", status["StatusDetails"])
        self.sagemaker.stop_training_job(TrainingJobName="murdered")
        self.service.wait("murdered")

    def test_the_service_is_killed(self):
        self.create("survivor", [rule("LossNotDecreasing", num_steps="1000"),
                                 rule("CreateXgboostReport")],
                    HyperParameters=PARAMETERS | {"num_round": "300"},
                    DebugHookConfig=hook(metrics=5, losses=5, labels=50, predictions=50))
        wait_for(lambda: self.processes("survivor"), what="the rules' processes")
        self.service.kill()
        self.service.start()
        self.sagemaker = self.service.boto("sagemaker")
        self.assertEqual(self.service.wait("survivor", seconds=120)["TrainingJobStatus"],
                         "Completed")
        for status in self.ended_rules("survivor"):
            self.assertEqual(status["RuleEvaluationStatus"], "NoIssuesFound", status)

    def test_the_runner_is_killed(self):
        """Its tensors have no end marker then."""
        self.create("lost", [rule("AllZero", tensor_regex="train-.*"),
                             rule("CreateXgboostReport")],
                    HyperParameters=LONG, DebugHookConfig=hook(metrics=10))
        wait_for(lambda: self.processes("lost"), what="the rules' processes")
        for proc in pathlib.Path("/proc").iterdir():
            try:
                line = (proc / "cmdline").read_bytes().split(b"\0")
                if b"runner" in line and f"{self.service.home}/jobs/lost".encode() in line:
                    os.kill(int(proc.name), signal.SIGKILL)
            except (OSError, ValueError):
                continue
        self.assertEqual(self.service.wait("lost")["TrainingJobStatus"], "Failed")
        self.ended_rules("lost")
        wait_for(lambda: not self.processes("lost"), what="the end of their processes")


if __name__ == "__main__":
    unittest.main()
