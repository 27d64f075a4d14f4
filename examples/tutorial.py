#!/usr/bin/env python3
"""Train a model with the SageMaker Python SDK: who earns more than 50,000 dollars a year?

The SDK is used as it comes; nothing in this file knows which service answers.
    clary serve &
    clary exec -- python examples/tutorial.py
Against AWS itself, run it where its credentials are those of a SageMaker role.
"""
import argparse
import gzip
import pathlib
import subprocess
import sys
import tempfile
import time

import sagemaker
from sagemaker import image_uris
from sagemaker.debugger import Rule, rule_configs
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.s3 import S3Uploader

HERE = pathlib.Path(__file__).resolve().parent


def census(folder):
    """Unpacks the example's data into a folder: train.csv, validation.csv, test.csv."""
    for part in ("train", "validation", "test"):
        packed = HERE / "data" / "census" / f"{part}.csv.gz"
        (folder / f"{part}.csv").write_bytes(gzip.decompress(packed.read_bytes()))
    return folder


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=pathlib.Path, help="folder with train.csv and validation.csv")
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--results", type=pathlib.Path, help="where to put the rule's output")
    args = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="tutorial-"))
    data = args.data or census(work)

    # 1. Where are we, and as whom do we train?
    session = sagemaker.Session()
    region = session.boto_region_name
    role = sagemaker.get_execution_role()
    print("region", region, "role", role)

    # 2. The data goes to the bucket that every account has.
    bucket = session.default_bucket()
    prefix = "demo-sagemaker-xgboost-adult-income-prediction"
    uploaded = {part: S3Uploader.upload(str(data / f"{part}.csv"), f"s3://{bucket}/{prefix}/data")
                for part in ("train", "validation")}
    subprocess.run(["aws", "s3", "ls", f"s3://{bucket}/{prefix}/data", "--recursive"], check=True)

    # 3. The algorithm, the machine, and a rule that reports on the training.
    container = image_uris.retrieve("xgboost", region, "1.2-1")
    print("image", container)
    xgb_model = Estimator(
        image_uri=container,
        role=role,
        instance_count=1,
        instance_type="ml.m4.xlarge",
        volume_size=5,
        output_path=f"s3://{bucket}/{prefix}/xgboost_model",
        sagemaker_session=session,
        rules=[Rule.sagemaker(rule_configs.create_xgboost_report())],
    )
    xgb_model.set_hyperparameters(
        max_depth=5,
        eta=0.2,
        gamma=4,
        min_child_weight=6,
        subsample=0.7,
        objective="binary:logistic",
        num_round=args.rounds,
    )

    # 4. Train, and watch the log until it is done.
    inputs = {part: TrainingInput(uri, content_type="csv") for part, uri in uploaded.items()}
    xgb_model.fit(inputs, wait=True)

    # 5. What the rules found. They end a little after the job; one of them reports on the machine.
    def summary():
        return xgb_model.latest_training_job.rule_job_summary()

    while any(rule["RuleEvaluationStatus"] in ("InProgress", "Stopping") for rule in summary()):
        time.sleep(1)
    for rule in summary():
        print(rule["RuleConfigurationName"], rule["RuleEvaluationStatus"],
              rule.get("StatusDetails", ""))
    rule_output = f"{xgb_model.output_path}/{xgb_model.latest_training_job.job_name}/rule-output"
    results = args.results or work / "rule-output"
    subprocess.run(["aws", "s3", "ls", rule_output, "--recursive"], check=True)
    subprocess.run(["aws", "s3", "cp", rule_output + "/", str(results), "--recursive"], check=True)
    print("report", results / "CreateXgboostReport" / "xgboost_report.html")
    for rule in summary():
        if "Profiler" in rule["RuleConfigurationName"]:
            print("report", results / rule["RuleConfigurationName"] / "profiler-output" /
                  "profiler-report.html")

    # 6. The model.
    print("model", xgb_model.model_data)


if __name__ == "__main__":
    sys.exit(main())
