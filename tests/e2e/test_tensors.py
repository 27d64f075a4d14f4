"""What a job leaves for Debugger, TensorBoard and the profiler: the trees in the object store."""
import json
import unittest

import service
from service import wait_for

REPORT = [("metrics", {"save_interval": "5"}), ("feature_importance", {"save_interval": "5"}),
          ("predictions", {"save_interval": "5"}), ("labels", {"save_interval": "5"}),
          ("hyperparameters", {"save_steps": "0"})]


def hook(collections=REPORT, path="s3://data/debug"):
    return {"S3OutputPath": path,
            "CollectionConfigurations": [
                {"CollectionName": name, "CollectionParameters": parameters}
                for name, parameters in collections]}


class Tensors(service.ServiceTest):
    def create(self, name, rounds, **overrides):
        parameters = service.PARAMETERS | {"num_round": str(rounds), "eval_metric": "auc,logloss"}
        request = self.service.request(name, HyperParameters=parameters, **overrides)
        self.sagemaker.create_training_job(**request)

    def keys(self, prefix):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket="data", Prefix=prefix)
        return [o["Key"][len(prefix):] for page in pages for o in page.get("Contents", [])]

    def read(self, key):
        return self.s3.get_object(Bucket="data", Key=key)["Body"].read()

    def test_a_job_leaves_whole_trees(self):
        self.create("trees", 23, DebugHookConfig=hook(),
                    TensorBoardOutputConfig={"S3OutputPath": "s3://data/board"},
                    ProfilerConfig={"S3OutputPath": "s3://data/profile",
                                    "ProfilingIntervalInMilliseconds": 100})
        job = self.service.wait("trees")
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))

        root = "debug/trees/debug-output/"
        keys = self.keys(root)
        expected = ["collections/000000000/worker_0_collections.json"]
        steps = [0, 5, 10, 15, 20, 22]  # the last round, too
        expected += [f"events/{s:012}/{s:012}_worker_0.tfevents" for s in steps]
        expected += [f"index/000000000/{s:012}_worker_0.json" for s in steps]
        self.assertEqual(keys, expected + ["training_job_end.ts"])
        collections = json.loads(self.read(root + keys[0]))["collections"]
        self.assertEqual(set(collections["metrics"]["tensor_names"]),
                         {"train-auc", "train-logloss", "validation-auc", "validation-logloss"})
        index = json.loads(self.read(root + "index/000000000/000000000022_worker_0.json"))
        events = self.read(root + index["meta"]["event_file_name"])
        last = index["tensor_payload"][-1]
        self.assertEqual(last["start_idx"] + last["length"], len(events))
        self.assertEqual(events[-4:], bytes.fromhex("b3c02d06"))

        runs = {k.split("/")[0] for k in self.keys("board/trees/tensorboard-output/")}
        self.assertEqual(runs, {"train", "validation"})

        root = "profile/trees/profiler-output/"
        keys = self.keys(root)
        self.assertIn("framework/training_job_end.ts", keys)
        kinds = {k.rsplit("_", 1)[1] for k in keys if k.startswith("framework/pevents/")}
        self.assertEqual(kinds, {"pythontimeline.json", "timeline.json"})  # ours, and model_timeline
        trace = [e for k in keys if k.startswith("framework/pevents/")
                 for e in json.loads(self.read(root + k)) if e["ph"] == "X"]
        names = {e["name"] for e in trace}
        self.assertLessEqual({"download", "load", "binning", "histogram", "split", "partition",
                              "gradient", "evaluate", "tensors", "train", "upload",
                              "Step:ModeKeys.TRAIN"}, names)
        rounds = [e["args"]["step_num"] for e in trace if e["name"] == "Step:ModeKeys.TRAIN"]
        self.assertEqual(rounds, [str(r) for r in range(23)])
        samples = [json.loads(line) for k in keys if k.startswith("system/incremental/")
                   for line in self.read(root + k).splitlines()]
        self.assertIn("CPUUtilization", {s["Dimension"] for s in samples})
        self.assertIn("MemoryUsedPercent", {s["Name"] for s in samples})

    def test_tensors_come_while_the_job_trains(self):
        self.create("live", 1000000, DebugHookConfig=hook([("metrics", {"save_interval": "1000"})]),
                    ProfilerConfig={"S3OutputPath": "s3://data/profile", "DisableProfiler": True})
        root = "debug/live/debug-output/"

        def index():
            return [k for k in self.keys(root) if k.startswith("index/")]

        seen = wait_for(index, 60, "the first index file")
        self.assertNotIn("training_job_end.ts", self.keys(root))
        for key in seen:  # never an index file whose events are not there
            events = json.loads(self.read(root + key))["meta"]["event_file_name"]
            self.assertTrue(self.read(root + events))
        self.sagemaker.stop_training_job(TrainingJobName="live")
        job = self.service.wait("live")
        self.assertEqual(job["TrainingJobStatus"], "Stopped")
        keys = self.keys(root)
        self.assertEqual(keys[-1], "training_job_end.ts")
        self.assertGreater(len(index()), len(seen))
        last = int(index()[-1].split("/")[-1].split("_")[0])
        self.assertGreater(last, 0)
        self.assertEqual(self.keys("profile/live/"), [])

    def test_a_failed_job_ends_its_tensors(self):
        self.create("fails", "none", DebugHookConfig=hook())
        self.assertEqual(self.service.wait("fails")["TrainingJobStatus"], "Failed")
        self.assertEqual(self.keys("debug/fails/debug-output/"),
                         ["collections/000000000/worker_0_collections.json",
                          "training_job_end.ts"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
