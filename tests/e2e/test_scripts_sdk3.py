"""Users' own scripts by the SageMaker Python SDK v3, unmodified: ModelTrainer with SourceCode, processors."""
import unittest

import scripts
from scripts import IMAGE


class ModelTrainers(scripts.ScriptsTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        from sagemaker.core.helper.session_helper import Session, get_execution_role
        cls.session = Session()
        cls.role = get_execution_role()

    def train(self, source, channels=(), **options):
        from sagemaker.core.training.configs import Compute
        from sagemaker.train import ModelTrainer
        trainer = ModelTrainer(
            training_image=IMAGE, source_code=source, role=self.role,
            sagemaker_session=self.session, base_job_name="script",
            compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=5),
            **options)
        trainer.train(input_data_config=list(channels), wait=True, logs=False)
        return trainer._latest_training_job

    def test_an_entry_script_with_requirements(self):
        from sagemaker.core.training.configs import InputData, SourceCode
        self.write("source/train.py", """
import argparse, glob, os
import greeting, helper, sklearn
parser = argparse.ArgumentParser()
parser.add_argument("--learning-rate", type=float)
parser.add_argument("--name")
args = parser.parse_args()
rows = sum(1 for f in glob.glob(os.environ["SM_CHANNEL_TRAIN"] + "/*") for _ in open(f))
print("saw", rows, args.learning_rate, args.name, greeting.text, helper.value, sklearn.__version__)
open(os.path.join(os.environ["SM_MODEL_DIR"], "model"), "w").write("m")
""")
        self.write("source/helper.py", "value = 42\n")
        self.write("source/requirements.txt", "greeting==1.0\n")
        job = self.train(
            SourceCode(source_dir=str(self.dir / "source"), entry_script="train.py",
                       requirements="requirements.txt"),
            [InputData(channel_name="train", data_source="s3://data/train")],
            hyperparameters={"learning-rate": 0.1, "name": "a b"})
        rows = scripts.census("train").count(b"\n")
        self.assertIn(f"saw {rows} 0.1 a b hello from a wheel 42 1.2.1",
                      self.log(job.training_job_name))
        self.assertEqual(self.model(job.model_artifacts.s3_model_artifacts), {"model": b"m"})

    def test_a_command(self):
        from sagemaker.core.training.configs import SourceCode
        self.write("commands/hello.txt", "hello\n")
        job = self.train(SourceCode(source_dir=str(self.dir / "commands"),
                                    command="cat hello.txt > $SM_MODEL_DIR/hello"),
                         environment={"WHO": "me"})
        self.assertEqual(self.model(job.model_artifacts.s3_model_artifacts), {"hello": b"hello\n"})

    def test_a_script_that_fails_fails_the_job(self):
        from sagemaker.core.training.configs import SourceCode
        self.write("bad/train.py", "raise RuntimeError('no good: 42')\n")
        # The driver's own traceback, which says only that the script failed, comes behind.
        with self.assertRaisesRegex(Exception, "AlgorithmError: RuntimeError: no good: 42\\s+Traceback"):
            self.train(SourceCode(source_dir=str(self.dir / "bad"), entry_script="train.py"))
        jobs = self.service.boto("sagemaker").list_training_jobs(
            StatusEquals="Failed", NameContains="script")
        log = self.log(jobs["TrainingJobSummaries"][0]["TrainingJobName"])
        self.assertIn("RuntimeError: no good: 42", log)

    def test_arguments_are_in_the_order_of_the_request(self):
        from sagemaker.core.training.configs import SourceCode
        self.write("order/train.py", "import sys\nprint('given', sys.argv[1:])\n")
        job = self.train(SourceCode(source_dir=str(self.dir / "order"), entry_script="train.py"),
                         hyperparameters={"zeta": 1, "alpha": "x", "mid": 0.5})
        self.assertIn("given ['--zeta', '1', '--alpha', 'x', '--mid', '0.5']",
                      self.log(job.training_job_name))

    def test_processors(self):
        from sagemaker.core.processing import FrameworkProcessor, ScriptProcessor
        from sagemaker.core.shapes import (ProcessingInput, ProcessingOutput, ProcessingS3Input,
                                           ProcessingS3Output)
        common = {"image_uri": IMAGE, "role": self.role, "instance_count": 1,
                  "instance_type": "ml.m5.large", "sagemaker_session": self.session}
        self.service.boto("s3").put_object(Bucket="data", Key="raw/rows.csv", Body=b"1,2\n")
        raw = ProcessingInput(input_name="raw", s3_input=ProcessingS3Input(
            s3_uri="s3://data/raw", local_path="/opt/ml/processing/input/raw",
            s3_data_type="S3Prefix", s3_input_mode="File"))

        def output(where):
            return ProcessingOutput(output_name="out", s3_output=ProcessingS3Output(
                s3_uri=f"s3://data/{where}", local_path="/opt/ml/processing/output/out",
                s3_upload_mode="EndOfJob"))

        script = self.write("alone.py", "import sys\n"
                            "rows = open('/opt/ml/processing/input/raw/rows.csv').read()\n"
                            "open('/opt/ml/processing/output/out/x', 'w').write(rows + sys.argv[1])\n")
        ScriptProcessor(command=["python3"], **common).run(
            code=str(script), arguments=["a b"], inputs=[raw], outputs=[output("alone")], logs=False)
        self.assertEqual(self.read("s3://data/alone/x"), b"1,2\na b")

        self.write("prepare/prep.py", "import greeting, sys\n"
                   "open('/opt/ml/processing/output/out/x', 'w').write(greeting.text + sys.argv[1])\n")
        self.write("prepare/requirements.txt", "greeting\n")
        FrameworkProcessor(command=["python3"], **common).run(
            code="prep.py", source_dir=str(self.dir / "prepare"), requirements="requirements.txt",
            arguments=["!"], inputs=[raw], outputs=[output("framework")], logs=False)
        self.assertEqual(self.read("s3://data/framework/x"), b"hello from a wheel!")


if __name__ == "__main__":
    unittest.main()
