"""Rules of users: Python classes over the real smdebug, in the sandbox."""
import sys
import unittest

import service
from service import wait_for
from test_rules import ENDED, EVALUATOR, hook

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
