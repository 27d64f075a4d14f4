"""Experiments through the SageMaker Python SDK v2, unmodified: Run, load_run, list_runs, a training
job within a run, and the artifacts of its graphs."""
import json
import os
import subprocess
import unittest

import service
from service import census

SCRIPT = '''
import json, sys
import boto3, sagemaker
from sagemaker.analytics import ExperimentAnalytics
from sagemaker.experiments import Experiment, Run, load_run, list_runs

session = sagemaker.Session()
client = session.sagemaker_client
data = session.upload_data(sys.argv[1], key_prefix="census")

with Run(experiment_name="Census-Exp", run_name="First", sagemaker_session=session,
         tags=[{"Key": "team", "Value": "trees"}]) as run:
    run.log_parameter("learning rate", 0.2)
    run.log_parameters({"kind": "tree", "depth": 5})
    for step in range(25):
        run.log_metric("loss", 1 / (step + 1), step=step)
    run.log_file(sys.argv[1], name="rows")
    run.log_artifact(name="weights", value="s3://somewhere/weights", media_type="text/plain")
    run.log_confusion_matrix([0, 1, 1], [0, 1, 0], title="confusion")
    run.log_roc_curve([0, 1, 1], [0.1, 0.9, 0.4], title="roc")
    run.log_precision_recall([0, 1, 1], [0.1, 0.9, 0.4], title="precision", is_output=False)
    estimator = sagemaker.estimator.Estimator(
        image_uri=sagemaker.image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1"),
        role=f"arn:aws:iam::{session.account_id()}:role/ClaryExecutionRole", instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session, disable_profiler=True,
        hyperparameters={"objective": "binary:logistic", "num_round": 5})
    estimator.fit({"train": sagemaker.inputs.TrainingInput(data, content_type="text/csv")},
                  logs=False, job_name="in-the-run")

with load_run(experiment_name="census-exp", run_name="first", sagemaker_session=session) as run:
    run.log_parameter("later", "yes")
try:
    with Run(experiment_name="census-exp", run_name="second", sagemaker_session=session):
        raise RuntimeError("told to fail")
except RuntimeError:
    pass

from sagemaker.lineage.artifact import Artifact
from sagemaker.lineage.association import Association
arn = client.describe_trial_component(TrialComponentName="census-exp-first")["TrialComponentArn"]
made = list(Association.list(source_arn=arn, sagemaker_session=session))
used = list(Association.list(destination_arn=arn, sagemaker_session=session))
graph = Artifact.load(made[0].destination_arn, sagemaker_session=session)
body = json.loads(session.read_s3_file(*graph.source.source_uri[len("s3://"):].split("/", 1)))
lineage = {
    "made": sorted((a.destination_type, a.destination_name, a.association_type) for a in made),
    "used": [(a.source_type, a.source_name, a.association_type) for a in used],
    "artifacts": sorted(a.artifact_name for a in Artifact.list(sagemaker_session=session)),
    "graph": sorted(body),
    "contexts": client.list_contexts()["ContextSummaries"],
}

frame = ExperimentAnalytics(experiment_name="census-exp", sagemaker_session=session).dataframe()
out = {
    "runs": sorted(r.run_name for r in list_runs("census-exp", sagemaker_session=session)),
    "first": client.describe_trial_component(TrialComponentName="census-exp-first"),
    "second": client.describe_trial_component(TrialComponentName="census-exp-second"),
    "job": client.describe_training_job(TrainingJobName="in-the-run"),
    "of_job": client.describe_trial_component(TrialComponentName="in-the-run-aws-training-job"),
    "tags": client.list_tags(ResourceArn=run._trial_component.trial_component_arn)["Tags"],
    "analytics": sorted(frame["TrialComponentName"]),
    "columns": list(frame.columns),
    "lineage": lineage,
}
Experiment.load("census-exp", session)._delete_all("--force")
out["left"] = [client.list_experiments()["ExperimentSummaries"],
               client.list_trials()["TrialSummaries"],
               client.list_trial_components()["TrialComponentSummaries"],
               client.list_associations()["AssociationSummaries"]]
for artifact in list(Artifact.list(sagemaker_session=session)):
    Artifact.load(artifact.artifact_arn, sagemaker_session=session).delete(disassociate=True)
out["artifacts left"] = client.list_artifacts()["ArtifactSummaries"]
print(json.dumps(out, default=lambda t: t.timestamp()))
'''


class Experiments(service.ServiceTest):
    def test_the_run_context(self):
        (self.dir / "train.csv").write_bytes(census("train"))
        done = subprocess.run(
            [service.CLARY, "exec", "--", "python", "-c", SCRIPT, str(self.dir / "train.csv")],
            cwd=self.dir, capture_output=True, text=True, timeout=400,
            env={"PATH": os.environ["PATH"], "HOME": str(self.dir),
                 "CLARY_HOME": str(self.service.home)})
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
        out = json.loads(done.stdout.strip().splitlines()[-1])

        self.assertEqual(out["runs"], ["first", "second"])
        first = out["first"]
        self.assertEqual(first["Status"]["PrimaryStatus"], "Completed")
        self.assertEqual(first["Parameters"],
                         {"learning rate": {"NumberValue": 0.2}, "kind": {"StringValue": "tree"},
                          "depth": {"NumberValue": 5}, "later": {"StringValue": "yes"}})
        self.assertLess(first["StartTime"], first["EndTime"])
        self.assertIn("rows", first["OutputArtifacts"])
        loss = first["Metrics"][0]
        values = [1 / (step + 1) for step in range(25)]
        self.assertEqual((loss["MetricName"], loss["Count"]), ("loss", 25))
        self.assertEqual((loss["Min"], loss["Max"], loss["Last"]), (1 / 25, 1, 1 / 25))
        self.assertAlmostEqual(loss["Avg"], sum(values) / 25)
        self.assertEqual(out["second"]["Status"],
                         {"PrimaryStatus": "Failed", "Message": "told to fail"})
        self.assertIn({"Key": "sagemaker:trial-component-source", "Value": "run"}, out["tags"])

        self.assertEqual(out["job"]["ExperimentConfig"],
                         {"ExperimentName": "census-exp", "RunName": "census-exp-first",
                          "TrialName": "Default-Run-Group-census-exp"})
        of_job = out["of_job"]
        self.assertEqual(of_job["Source"]["SourceArn"], out["job"]["TrainingJobArn"])
        self.assertEqual(of_job["Status"]["PrimaryStatus"], "Completed")
        self.assertEqual(of_job["Parameters"]["num_round"], {"NumberValue": 5})
        self.assertEqual(of_job["Metrics"][0]["MetricName"], "train:logloss")
        self.assertEqual(out["analytics"],
                         ["census-exp-first", "census-exp-second", "in-the-run-aws-training-job"])
        self.assertIn("loss - Avg", out["columns"])
        self.assertIn("weights", first["OutputArtifacts"])
        lineage = out["lineage"]
        self.assertEqual(lineage["made"], [["ConfusionMatrix", "confusion", "Produced"],
                                           ["ROCCurve", "roc", "Produced"]])
        self.assertEqual(lineage["used"], [["PrecisionRecallCurve", "precision", "ContributedTo"]])
        self.assertEqual(lineage["artifacts"], ["confusion", "precision", "roc"])
        self.assertIn("type", lineage["graph"])
        self.assertEqual(lineage["contexts"], [])
        self.assertEqual(out["left"], [[], [], [], []])
        self.assertEqual(out["artifacts left"], [])


if __name__ == "__main__":
    unittest.main()
