"""Prepares data and trains with both scripts, by the SageMaker Python SDK v2.

  clary exec -- python run.py DATA.csv        (label first, no header)
"""
import pathlib
import sys

from sagemaker import Session, get_execution_role
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.sklearn import SKLearn, SKLearnProcessor
from sagemaker.xgboost import XGBoost

HERE = pathlib.Path(__file__).resolve().parent
session = Session()
common = {"role": get_execution_role(), "instance_count": 1, "instance_type": "ml.m5.large",
          "sagemaker_session": session}

processor = SKLearnProcessor(framework_version="1.2-1", **common)
processor.run(
    code=str(HERE / "prepare.py"), arguments=["--share", "0.75"],
    inputs=[ProcessingInput(source=sys.argv[1], destination="/opt/ml/processing/input/raw")],
    outputs=[ProcessingOutput(output_name=name, source=f"/opt/ml/processing/output/{name}")
             for name in ("train", "validation")])
outputs = processor.latest_job.describe()["ProcessingOutputConfig"]["Outputs"]
channels = {output["OutputName"]: output["S3Output"]["S3Uri"] for output in outputs}

sklearn = SKLearn(
    entry_point="train.py", source_dir=str(HERE / "sklearn"), framework_version="1.2-1",
    hyperparameters={"n-estimators": 40},
    metric_definitions=[{"Name": "validation:accuracy", "Regex": "validation-accuracy: ([0-9.]+)"}],
    **common)
sklearn.fit(channels)
xgboost = XGBoost(entry_point="train.py", source_dir=str(HERE / "xgboost"),
                  framework_version="1.7-1", hyperparameters={"num_round": 20}, **common)
xgboost.fit(channels)

for estimator in (sklearn, xgboost):
    print("model", estimator.model_data)
