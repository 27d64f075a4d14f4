"""The real smdebug and the real TensorBoard read what a job wrote."""
import os
import subprocess
import sys
import unittest

import service
from test_tensors import hook

READER = """
import sys
from smdebug.core.modes import ModeKeys
from smdebug.trials import create_trial

trial = create_trial(sys.argv[1])
assert trial.steps() == [0, 5, 10, 15, 20, 22], trial.steps()
assert trial.loaded_all_steps, "the end marker was not seen"
assert trial.steps(mode=ModeKeys.GLOBAL) == trial.steps()
assert set(trial.collections()) >= {"metrics", "losses", "labels", "predictions", "trees",
                                    "feature_importance", "hyperparameters", "average_shap"}
metrics = set(trial.collection("metrics").tensor_names)
assert metrics == {f"{s}-{m}" for s in ("train", "validation") for m in ("auc", "error@0.7")}, metrics
assert set(trial.tensor_names(collection="metrics")) == metrics
labels = trial.tensor("labels").value(22)
predictions = trial.tensor("predictions").value(22)
assert labels.shape == predictions.shape and labels.dtype == "float32"
error = ((predictions > 0.7) != labels).mean()
assert abs(error - trial.tensor("validation-error@0.7").value(22)[0]) < 1e-6
assert trial.tensor("hyperparameters/objective").value(0)[0] == "binary:logistic"
assert trial.tensor("hyperparameters/max_depth").value(0)[0] == 5
gain = [trial.tensor(n).value(20)[0] for n in trial.tensor_names(regex="feature_importance/gain/")
        if 20 in trial.tensor(n).steps()]
assert abs(sum(gain) - 1) < 1e-6
assert trial.tensor("trees/Tree").value(5)[0] == 5
print("read", len(trial.tensor_names()), "tensors")
"""

PROFILE_READER = """
import sys
import time
from smdebug.profiler.algorithm_metrics_reader import LocalAlgorithmMetricsReader
from smdebug.profiler.system_metrics_reader import LocalSystemMetricsReader
from smdebug.profiler.utils import TimeUnits

end = time.time() + 60
system = LocalSystemMetricsReader(sys.argv[1])
system.refresh_event_file_list()
samples = system.get_events(end - 600, end, unit=TimeUnits.SECONDS)
names = {s.name for s in samples}
# Of the cores that the job may use, whichever these are.
assert "cpu" in {s.name[:3] for s in samples if s.dimension == "CPUUtilization"}, names
assert "MemoryUsedPercent" in names, names
algorithm = LocalAlgorithmMetricsReader(sys.argv[1])
algorithm.refresh_event_file_list()
events = algorithm.get_events(end - 600, end, unit=TimeUnits.SECONDS)
steps = [e for e in events if e.event_name.startswith("Step:ModeKeys")]
assert sorted(int(e.event_args["step_num"]) for e in steps) == list(range(23)), len(steps)
assert all(0 < e.duration < 60e9 for e in steps)
print("read tensors", len(samples), len(events))
"""


class Readers(service.ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        names = ["metrics", "losses", "labels", "predictions", "trees", "feature_importance",
                 "average_shap"]
        collections = [(n, {"save_interval": "5"}) for n in names]
        collections.append(("hyperparameters", {"save_steps": "0"}))
        request = cls.service.request(
            "read", DebugHookConfig=hook(collections),
            TensorBoardOutputConfig={"S3OutputPath": "s3://data/board"},
            ProfilerConfig={"S3OutputPath": "s3://data/profile",
                            "ProfilingIntervalInMilliseconds": 100},
            HyperParameters=service.PARAMETERS | {"num_round": "23",
                                                  "eval_metric": "auc,error@0.7"})
        cls.service.boto("sagemaker").create_training_job(**request)
        job = cls.service.wait("read")
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")

    def copy(self, prefix, to):
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket="data", Prefix=prefix):
            for item in page["Contents"]:
                path = to / item["Key"][len(prefix):]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self.s3.get_object(Bucket="data", Key=item["Key"])["Body"].read())

    def read(self, uri, reader=READER):
        done = subprocess.run(
            [service.CLARY, "exec", "--", sys.executable, "-c", reader, uri], cwd=self.dir,
            capture_output=True, text=True, timeout=200,
            env={"PATH": os.environ["PATH"], "HOME": str(self.dir),
                 "CLARY_HOME": str(self.service.home)})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr[-3000:])
        self.assertIn("tensors", done.stdout)

    def test_smdebug_reads_the_store(self):
        self.read("s3://data/debug/read/debug-output")

    def test_smdebug_reads_a_directory(self):
        self.copy("debug/read/debug-output/", self.dir / "local")
        self.read(str(self.dir / "local"))

    def test_smdebug_reads_the_profile(self):
        self.copy("profile/read/profiler-output/", self.dir / "profile")
        self.read(str(self.dir / "profile"), PROFILE_READER)

    def test_tensorboard_reads_the_scalars(self):
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        self.copy("board/read/tensorboard-output/", self.dir / "board")
        for run in ("train", "validation"):
            log = EventAccumulator(str(self.dir / "board" / run))
            log.Reload()
            self.assertEqual(set(log.Tags()["scalars"]), {"auc", "error@0.7"})
            events = log.Scalars("auc")
            self.assertEqual([e.step for e in events], list(range(23)))
            metrics = {m["MetricName"]: m["Value"] for m in self.service.boto(
                "sagemaker").describe_training_job(TrainingJobName="read")["FinalMetricDataList"]}
            self.assertAlmostEqual(events[-1].value, metrics[f"{run}:auc"], places=4)


if __name__ == "__main__":
    unittest.main(verbosity=2)
