"""SageMaker Python SDK v3: ModelTrainer with the XGBoost image of the 3.x line."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import models
import service
from service import census, clary

PROGRAM = """
import logging
import sys
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core import image_uris
from sagemaker.core.shapes import OutputDataConfig
from sagemaker.core.training.configs import Compute, InputData
from sagemaker.train import ModelTrainer

logging.basicConfig(level=logging.WARNING)
logging.getLogger("sagemaker").setLevel(logging.INFO)
session = Session()
bucket = session.default_bucket()
data = [InputData(channel_name=part, content_type="csv",
                  data_source=session.upload_data(part + ".csv", bucket, "sdk3"))
        for part in ("train", "validation")]
trainer = ModelTrainer(
    training_image=image_uris.retrieve("xgboost", session.boto_region_name, "3.0-5"),
    role=get_execution_role(),
    sagemaker_session=session,
    base_job_name="sdk3",
    compute=Compute(instance_type="ml.m5.xlarge", instance_count=1, volume_size_in_gb=5),
    hyperparameters={"objective": "binary:logistic", "num_round": "40", "max_depth": "5",
                     "eta": "0.2"},
)
trainer.train(input_data_config=data, wait=True)
print("model", trainer._latest_training_job.model_artifacts.s3_model_artifacts)
"""


class ModelTrainerStory(unittest.TestCase):
    def test_trains_with_logs_and_its_model_loads(self):
        with tempfile.TemporaryDirectory(prefix="clary-e2e-") as folder, \
                service.Service() as served:
            for part in ("train", "validation"):
                pathlib.Path(folder, f"{part}.csv").write_bytes(census(part))
            done = subprocess.run(
                [service.CLARY, "exec", "--", sys.executable, "-c", PROGRAM], cwd=folder,
                capture_output=True, text=True, timeout=400,
                env={"PATH": os.environ["PATH"], "HOME": folder, "CLARY_HOME": str(served.home)})
            printed = done.stdout + done.stderr
            self.assertEqual(done.returncode, 0, printed[-4000:])
            for number in range(40):
                self.assertEqual(printed.count(f"[{number}]#011"), 1, number)
            archive = pathlib.Path(folder, "model.tar.gz")
            clary("s3", "cp", done.stdout.strip().splitlines()[-1].split()[-1], archive,
                  home=served.home)
            self.assertLess(models.logloss(models.load(archive), "validation"), 0.30)


if __name__ == "__main__":
    unittest.main()
