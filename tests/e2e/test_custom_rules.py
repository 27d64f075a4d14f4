"""Rules over the real smdebug: users' Python classes in the sandbox, and what users' scripts save."""
import io
import sys
import tarfile
import unittest

import service
from service import wait_for
from test_rules import ENDED, EVALUATOR, hook, rule

SOURCE = """
from smdebug.rules.rule import Rule

class FallsBelow(Rule):
    def __init__(self, base_trial, threshold="0.5"):
        super().__init__(base_trial, action_str="")
        self.threshold = float(threshold)

    def invoke_at_step(self, step):
        loss = self.base_trial.tensor("train-logloss").value(step)[0]
        print("at step", step, "the loss is", loss)
        return loss < self.threshold

class Broken(Rule):
    def __init__(self, base_trial):
        super().__init__(base_trial, action_str="")

    def invoke_at_step(self, step):
        raise ZeroDivisionError("by design")
"""


# A script that saves a loss with smdebug where the job's hook configuration says: it falls, then stays.
SCRIPT = """
import json
import numpy
from smdebug.core.collection_manager import CollectionManager
from smdebug.core.writer import FileWriter

to = json.load(open("/opt/ml/input/config/debughookconfig.json"))["LocalPath"]
collections = CollectionManager()
collections.get("losses").add_tensor_name("my_loss")
collections.export(to, "worker_0_collections.json")
for step in range(12):
    with FileWriter(trial_dir=to, step=step, worker="worker_0") as writer:
        writer.write_tensor(numpy.array([max(1.0 - step / 6, 0.5)]), "my_loss")
"""


class OfUsers(unittest.TestCase):
    """Rules that are Python classes over smdebug."""

    def run_rules(self, python, rules):
        with service.Service("--rule-python", python) as s:
            s.put_census()
            s.boto("s3").put_object(Bucket="data", Key="rules/mine.py", Body=SOURCE.encode())
            s.boto("sagemaker").create_training_job(**s.request(
                "custom", DebugHookConfig=hook(metrics=1),
                DebugRuleConfigurations=[
                    {"RuleConfigurationName": name, "RuleEvaluatorImage": EVALUATOR,
                     "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 5,
                     "RuleParameters": {"source_s3_uri": "s3://data/rules/mine.py"} | parameters}
                    for name, parameters in rules.items()]))

            def ended():
                d = s.boto("sagemaker").describe_training_job(TrainingJobName="custom")
                rules = d["DebugRuleEvaluationStatuses"]
                done = all(r["RuleEvaluationStatus"] in ENDED for r in rules)
                return rules if done else None

            return {r["RuleConfigurationName"]: (r["RuleEvaluationStatus"],
                                                 r.get("StatusDetails", ""))
                    for r in wait_for(ended, 120, "the end of the rules")}

    def test_over_what_a_script_saves(self):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            member = tarfile.TarInfo("train.py")
            member.size = len(SCRIPT)
            tar.addfile(member, io.BytesIO(SCRIPT.encode()))
        with service.Service() as s:
            s.add_python()
            s.put_census()
            s.boto("s3").put_object(Bucket="data", Key="code.tar.gz", Body=packed.getvalue())
            s.boto("sagemaker").create_training_job(**s.request(
                "saves", channels=("train",), AlgorithmSpecification={
                    "TrainingImage": "my-image:1", "TrainingInputMode": "File"},
                HyperParameters={"sagemaker_program": "train.py",
                                 "sagemaker_submit_directory": "s3://data/code.tar.gz"},
                DebugHookConfig=hook(losses=1), DebugRuleConfigurations=[
                    rule("LossNotDecreasing", collection_names="losses", num_steps="3"),
                    rule("AllZero", tensor_regex="my_loss")]))
            job = s.wait("saves")
            self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))

            def ended():
                rules = s.boto("sagemaker").describe_training_job(TrainingJobName="saves")[
                    "DebugRuleEvaluationStatuses"]
                return rules if all(r["RuleEvaluationStatus"] in ENDED for r in rules) else None

            statuses = {r["RuleConfigurationName"]: r["RuleEvaluationStatus"]
                        for r in wait_for(ended, 120, "the end of the rules")}
            self.assertEqual(statuses, {"LossNotDecreasing": "IssuesFound", "AllZero": "NoIssuesFound"})

    def test_without_python(self):
        status, details = self.run_rules("/nowhere/python", {
            "mine": {"rule_to_invoke": "FallsBelow"}})["mine"]
        self.assertEqual(status, "Error")
        self.assertIn("pip install smdebug", details)

    def test_with_smdebug(self):
        try:
            import smdebug  # noqa: F401
        except ImportError:
            self.skipTest("smdebug is not installed in this environment")
        ended = self.run_rules(sys.executable, {
            "fires": {"rule_to_invoke": "FallsBelow", "threshold": "0.6"},
            "quiet": {"rule_to_invoke": "FallsBelow", "threshold": "0.0001"},
            "broken": {"rule_to_invoke": "Broken"},
            "missing": {"rule_to_invoke": "Nothing"}})
        self.assertEqual(ended["fires"][0], "IssuesFound", ended)
        self.assertIn("RuleEvaluationConditionMet", ended["fires"][1])
        self.assertEqual(ended["quiet"], ("NoIssuesFound", ""), ended)
        self.assertEqual(ended["broken"][0], "Error")
        self.assertIn("ZeroDivisionError: by design", ended["broken"][1])
        self.assertIn("no class 'Nothing'", ended["missing"][1])


if __name__ == "__main__":
    unittest.main()
