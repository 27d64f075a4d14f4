"""Users' own scripts by the SageMaker Python SDK v2, unmodified: framework estimators and
processors, with scikit-learn and XGBoost from PyPI."""
import unittest

import scripts
from scripts import IMAGE, SOURCE

EXAMPLE = SOURCE / "examples/script"


class Scripts(scripts.ScriptsTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        from sagemaker import Session, get_execution_role
        cls.session = Session()
        cls.common = {"role": get_execution_role(), "instance_count": 1,
                      "instance_type": "ml.m5.large", "sagemaker_session": cls.session}
        cls.channels = {"train": "s3://data/train", "validation": "s3://data/validation/"}

    def estimator(self, script, **options):
        """A generic Estimator of an image of one's own, with a script."""
        from sagemaker.estimator import Estimator
        return Estimator(IMAGE, entry_point=script, **self.common, **options)

    def test_the_sklearn_estimator_trains_a_forest(self):
        from sagemaker.sklearn import SKLearn
        sklearn = SKLearn(
            entry_point="train.py", source_dir=str(EXAMPLE / "sklearn"), framework_version="1.2-1",
            hyperparameters={"n-estimators": 20, "max-depth": 6},
            metric_definitions=[{"Name": "validation:accuracy",
                                 "Regex": "validation-accuracy: ([0-9.]+)"}], **self.common)
        sklearn.fit(self.channels, logs="None")
        self.assertEqual(set(self.model(sklearn.model_data)), {"model.joblib"})
        job = sklearn.latest_training_job.describe()
        metrics = {m["MetricName"]: m["Value"] for m in job["FinalMetricDataList"]}
        self.assertGreater(metrics["validation:accuracy"], 0.8)
        log = self.log(job["TrainingJobName"])
        self.assertIn("Invoking script with the following command:", log)
        self.assertIn("train.py --max-depth 6 --n-estimators 20", log)

    def test_the_xgboost_framework_trains_and_goes_on_from_its_checkpoints(self):
        import xgboost
        from sagemaker.xgboost import XGBoost
        for rounds in (5, 12):
            estimator = XGBoost(
                entry_point="train.py", source_dir=str(EXAMPLE / "xgboost"),
                framework_version="1.7-1", hyperparameters={"num_round": rounds, "eta": 0.3},
                checkpoint_s3_uri="s3://data/checkpoints", **self.common)
            estimator.fit(self.channels, logs="None")
            booster = xgboost.Booster()
            booster.load_model(bytearray(self.model(estimator.model_data)["xgboost-model.json"]))
            self.assertEqual(booster.num_boosted_rounds(), rounds)
        log = self.log(estimator.latest_training_job.name)
        self.assertIn("Resuming from iteration 5", log)
        self.assertIn("[11]\ttrain-logloss:", log.replace("#011", "\t"))
        self.assertNotIn("[4]\ttrain-logloss:", log.replace("#011", "\t"))

    def test_an_estimator_with_requirements_and_dependencies(self):
        self.write("source/train.py", "import greeting, helper, sys\n"
                   "print(greeting.text, helper.value, sys.argv[1:])\n")
        self.write("source/requirements.txt", "greeting==1.0\n")
        helper = self.write("helper.py", "value = 42\n")
        for _ in range(2):
            estimator = self.estimator("train.py", source_dir=str(self.dir / "source"),
                                       dependencies=[str(helper)],
                                       hyperparameters={"flag": True, "name": "a b", "n": [1, 2]})
            estimator.fit(logs="None")
            self.assertIn("hello from a wheel 42 ['--flag', 'True', '-n', '[1, 2]', '--name', 'a b']",
                          self.log(estimator.latest_training_job.name))
        layers = list((self.service.home / "layers").iterdir())
        self.assertEqual(len([path for path in layers if path.is_dir()]), 1, layers)

    def test_a_shell_script_without_network(self):
        self.write("shell/train.sh", "echo args: \"$@\"; cat /opt/ml/input/data/train/train.csv | "
                   "wc -l > $SM_MODEL_DIR/lines\n")
        estimator = self.estimator("train.sh", source_dir=str(self.dir / "shell"),
                                   enable_network_isolation=True, hyperparameters={"a": "x y"})
        estimator.fit({"train": "s3://data/train/"}, logs="None")
        rows = scripts.census("train").count(b"\n")
        self.assertEqual(int(self.model(estimator.model_data)["lines"]), rows)
        self.assertIn("args: -a x y", self.log(estimator.latest_training_job.name))

    def test_a_script_that_raises_tells_why(self):
        script = self.write("bad.py", "import os\nopen(os.environ['SM_OUTPUT_DATA_DIR'] + '/x', 'w')\n"
                            "raise ValueError('no good: 42')\n")
        estimator = self.estimator(str(script))
        with self.assertRaisesRegex(Exception, "Failed"):
            estimator.fit(logs="None")
        reason = estimator.latest_training_job.describe()["FailureReason"]
        self.assertRegex(reason, "^AlgorithmError: ")
        self.assertIn("ValueError: no good: 42", reason)
        self.assertIn("ExitCode 1", reason)

    def test_an_image_that_nothing_runs_is_refused_with_what_to_do(self):
        from sagemaker.pytorch import PyTorch
        script = self.write("torch.py", "pass\n")
        estimator = PyTorch(entry_point=str(script), framework_version="2.3.0", py_version="py311",
                            **self.common)
        with self.assertRaisesRegex(Exception, "clary environments build pytorch 2.3.0"):
            estimator.fit(logs="None")

    def test_script_processors(self):
        from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
        from sagemaker.sklearn import SKLearnProcessor
        raw = self.write("raw.csv", "".join(f"{i % 2},{i}\n" for i in range(40)))
        sklearn = SKLearnProcessor(framework_version="1.2-1", **self.common)
        sklearn.run(
            code=str(EXAMPLE / "prepare.py"), arguments=["--share", "0.75"], logs=False,
            inputs=[ProcessingInput(source=str(raw), destination="/opt/ml/processing/input/raw")],
            outputs=[ProcessingOutput(output_name=name, source=f"/opt/ml/processing/output/{name}")
                     for name in ("train", "validation")])
        job = sklearn.latest_job.describe()
        self.assertEqual(job["ProcessingJobStatus"], "Completed")
        outputs = {o["OutputName"]: o["S3Output"]["S3Uri"]
                   for o in job["ProcessingOutputConfig"]["Outputs"]}
        self.assertEqual(self.read(outputs["train"] + "/train.csv").count(b"\n"), 30)
        self.assertEqual(self.read(outputs["validation"] + "/validation.csv").count(b"\n"), 10)

        script = self.write("fail.py", "import sys\n"
                            "open('/opt/ml/output/message', 'w').write('rows are missing')\n"
                            "sys.exit(3)\n")
        processor = ScriptProcessor(image_uri=IMAGE, command=["python3"], **self.common)
        with self.assertRaisesRegex(Exception, "Failed"):
            processor.run(code=str(script), logs=False)
        job = processor.latest_job.describe()
        self.assertEqual(job["ExitMessage"], "rows are missing")
        self.assertRegex(job["FailureReason"], "^AlgorithmError: ")

    def test_the_sdk_works_inside_a_job(self):
        from sagemaker.processing import ScriptProcessor
        script = self.write("inside.py", """
import boto3, sagemaker
session = sagemaker.Session()  # calls https://sts.us-east-1.amazonaws.com, whatever the endpoint is
print("bucket", session.default_bucket(), "account", session.account_id())
sts = boto3.client("sts", endpoint_url="https://sts.us-east-1.amazonaws.com")
print("as", sts.get_caller_identity()["Arn"])
uri = session.upload_string_as_file_body("hello", session.default_bucket(), "inside/x")
print("read", session.read_s3_file(session.default_bucket(), "inside/x"))
""")
        processor = ScriptProcessor(
            image_uri="1.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python-311:1.0",
            command=["python3"], **self.common)
        processor.run(code=str(script), logs=False)
        log = "\n".join(e["message"] for e in self.service.boto("logs").filter_log_events(
            logGroupName="/aws/sagemaker/ProcessingJobs",
            logStreamNamePrefix=processor.latest_job.job_name)["events"])
        account = self.service.credentials["account_id"]
        self.assertIn(f"bucket sagemaker-us-east-1-{account} account {account}", log)
        self.assertIn("/SageMaker", log)
        self.assertIn("read hello", log)

    def test_a_framework_processor_brings_its_folder_and_requirements(self):
        from sagemaker.processing import FrameworkProcessor, ProcessingOutput
        from sagemaker.sklearn import SKLearn
        self.write("framework/prep.py", "import greeting, other, sklearn, sys\n"
                   "text = ' '.join([greeting.text, other.name, sklearn.__version__] + sys.argv[1:])\n"
                   "open('/opt/ml/processing/output/done/text', 'w').write(text)\n")
        self.write("framework/other.py", "name = 'other'\n")
        self.write("framework/requirements.txt", "greeting\n")
        processor = FrameworkProcessor(estimator_cls=SKLearn, framework_version="1.2-1",
                                       **self.common)
        processor.run(code="prep.py", source_dir=str(self.dir / "framework"), logs=False,
                      arguments=["a b"], outputs=[ProcessingOutput(
                          output_name="done", source="/opt/ml/processing/output/done",
                          destination="s3://data/framework")])
        self.assertEqual(self.read("s3://data/framework/text"),
                         b"hello from a wheel other 1.2.1 a b")


if __name__ == "__main__":
    unittest.main()
