"""Automatic model tuning by the SageMaker Python SDK v3's HyperparameterTuner, unmodified: on the built-in
algorithm with each strategy, without ranges (autotune), from a parent, stopped twice; on a script of a user's."""
import unittest

import scripts
from scripts import IMAGE
from service import wait_for


class Tuners(scripts.ScriptsTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        from sagemaker.core.helper.session_helper import Session, get_execution_role
        from sagemaker.core.training.configs import InputData
        cls.session = Session()
        cls.role = get_execution_role()
        cls.data = [InputData(channel_name=part, content_type="csv", data_source=f"s3://data/{part}")
                    for part in ("train", "validation")]

    def tuner(self, image, ranges, metric="validation:auc", source=None, hyperparameters=None, **options):
        from sagemaker.core.training.configs import Compute
        from sagemaker.train import ModelTrainer
        from sagemaker.train.tuner import HyperparameterTuner
        trainer = ModelTrainer(
            training_image=image, source_code=source, role=self.role, sagemaker_session=self.session,
            base_job_name="tuned", compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=5),
            hyperparameters=hyperparameters or {"objective": "binary:logistic", "num_round": "9", "max_depth": "4"})
        return HyperparameterTuner(trainer, metric, ranges, max_parallel_jobs=2, **options)

    def built_in(self, ranges, **options):
        from sagemaker.core import image_uris
        return self.tuner(image_uris.retrieve("xgboost", self.session.boto_region_name, "3.0-5"), ranges, **options)

    def run_to_end(self, tuner, name, inputs, wait=False):
        """Its trials as the SDK's analytics has them, and what the service says of it. The SDK's own waiting looks
        each five seconds."""
        tuner.tune(inputs, job_name=name, wait=wait)
        sagemaker = self.service.boto("sagemaker")

        def ended():
            told = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
            return told if told["HyperParameterTuningJobStatus"] != "InProgress" else None
        told = wait_for(ended, 120, f"the end of {name}")
        self.assertEqual(told["HyperParameterTuningJobStatus"], "Completed", told.get("FailureReason"))
        frame = tuner.analytics().dataframe()
        best = tuner.best_training_job()
        best_value = frame[frame.TrainingJobName == best]["FinalObjectiveValue"].iloc[0]
        values = frame["FinalObjectiveValue"]
        maximise = told["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Type"] == "Maximize"
        self.assertEqual(best_value, values.max() if maximise else values.min())
        return frame, told

    def test_bayesian_and_a_child_of_it(self):
        from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter, IntegerParameter
        ranges = {"eta": ContinuousParameter(0.05, 0.5, "Logarithmic"), "max_depth": IntegerParameter(2, 8),
                  "booster": CategoricalParameter(["gbtree", "dart"])}
        tuner = self.built_in(ranges, max_jobs=5, random_seed=2, early_stopping_type="Auto")
        frame, told = self.run_to_end(tuner, "bayesian", self.data, wait=True)
        self.assertEqual(len(frame), 5)
        for column in ("eta", "max_depth", "booster"):
            self.assertIn(column, frame.columns)
        self.assertEqual(frame.eta.astype(float).round(10).tolist(), frame.eta.astype(float).tolist(), "short decimals")
        static = told["TrainingJobDefinition"]["StaticHyperParameters"]
        self.assertEqual(static["_tuning_objective_metric"], "validation:auc")
        # Not by transfer_learning_tuner, whose configuration the SDK's own shapes refuse (3.27).
        from sagemaker.core.shapes import HyperParameterTuningJobWarmStartConfig, ParentHyperParameterTuningJob
        child = self.built_in(ranges, max_jobs=3, early_stopping_type="Auto",
                              warm_start_config=HyperParameterTuningJobWarmStartConfig(
                                  parent_hyper_parameter_tuning_jobs=[
                                      ParentHyperParameterTuningJob(hyper_parameter_tuning_job_name="bayesian")],
                                  warm_start_type="TransferLearning"))
        frame, told = self.run_to_end(child, "transferred", self.data)
        self.assertEqual(len(frame), 3)
        self.assertEqual(told["WarmStartConfig"]["WarmStartType"], "TransferLearning")

    def test_a_grid_has_as_many_jobs_as_it_has_points(self):
        from sagemaker.core.parameter import CategoricalParameter
        frame, told = self.run_to_end(self.built_in(
            {"max_depth": CategoricalParameter(["2", "3", "5"]), "eta": CategoricalParameter(["0.1", "0.3"])}, strategy="Grid"),
            "grid", self.data)
        self.assertEqual(len({(d, e) for d, e in zip(frame.max_depth, frame.eta)}), 6)
        self.assertEqual(told["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"], 6)

    def test_hyperband(self):
        from sagemaker.core.parameter import ContinuousParameter
        from sagemaker.core.shapes import HyperbandStrategyConfig, HyperParameterTuningJobStrategyConfig
        tuner = self.built_in({"eta": ContinuousParameter(0.05, 0.5)}, strategy="Hyperband", max_jobs=6,
                              strategy_config=HyperParameterTuningJobStrategyConfig(
                                  hyperband_strategy_config=HyperbandStrategyConfig(min_resource=1, max_resource=9)))
        frame, _ = self.run_to_end(tuner, "hyperband", self.data)
        self.assertEqual(len(frame), 6)

    def test_autotune_needs_no_ranges(self):
        frame, told = self.run_to_end(self.built_in({}, max_jobs=3, autotune=True), "autotuned", self.data)
        self.assertEqual(len(frame), 3)
        ranges = told["HyperParameterTuningJobConfig"]["ParameterRanges"]
        self.assertIn("eta", [r["Name"] for some in ranges.values() for r in some])

    def test_stopped_twice(self):
        from sagemaker.core.parameter import IntegerParameter
        tuner = self.built_in({"max_depth": IntegerParameter(2, 8)}, max_jobs=7,
                              hyperparameters={"objective": "binary:logistic", "num_round": "100000"})
        tuner.tune(self.data, job_name="stopped", wait=False)
        tuner.stop_tuning_job()
        tuner.stop_tuning_job()
        tuner.wait()
        self.assertEqual(tuner.describe().hyper_parameter_tuning_job_status, "Stopped")

    def test_a_script(self):
        from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter
        from sagemaker.core.training.configs import SourceCode
        self.write("source/train.py", """
import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--opt")
args, _ = parser.parse_known_args()
print(f"val_loss={(args.lr - 0.02) ** 2 + (args.opt == 'sgd'):.9f}")
open(os.path.join(os.environ["SM_MODEL_DIR"], "model"), "w").write(args.opt)
""")
        tuner = self.tuner(IMAGE, {"lr": ContinuousParameter(0.0001, 0.1, "Logarithmic"), "opt": CategoricalParameter(["sgd", "adam"])},
                           metric="val-loss", metric_definitions=[{"Name": "val-loss", "Regex": r"val_loss=([0-9.]+)"}],
                           source=SourceCode(source_dir=str(self.dir / "source"), entry_script="train.py"),
                           objective_type="Minimize", max_jobs=4, hyperparameters={"n": "100"})
        frame, told = self.run_to_end(tuner, "script", self.data)
        for _, trial in frame.iterrows():
            wanted = (float(trial.lr) - 0.02) ** 2 + (trial.opt.strip('"') == "sgd")
            self.assertAlmostEqual(trial.FinalObjectiveValue, wanted, places=6)
        job = self.service.boto("sagemaker").describe_training_job(TrainingJobName=told["BestTrainingJob"]["TrainingJobName"])
        self.assertEqual(self.model(job["ModelArtifacts"]["S3ModelArtifacts"]),
                         {"model": job["HyperParameters"]["opt"].strip('"').encode()})


if __name__ == "__main__":
    unittest.main()
