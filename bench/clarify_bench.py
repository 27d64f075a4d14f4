"""What an analysis costs, beside shap on the same rows and model, interleaved.

    CLARY=build/release/apps/clary/clary $(tools/venv.sh bench/requirements-clarify.txt)/bin/python bench/clarify_bench.py

The census as one data set of 32,561 rows, and a model of 100 rounds of depth 6. Times of a job are from the
request to the first Describe that says Completed; its parts are those of clary_analysis.json. shap explains
as many rows as it does in a few seconds, and is told per row.
"""
import argparse
import io
import json
import pathlib
import sys
import tarfile
import time

import numpy
import pandas
import shap
import xgboost

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/e2e"))
import service  # noqa: E402

IMAGE = "205585389593.dkr.ecr.us-east-1.amazonaws.com/sagemaker-clarify-processing:1.0"
HEADERS = ["Target", "Age", "Workclass", "Education-Num", "Marital Status", "Occupation", "Relationship", "Race", "Sex",
           "Capital Gain", "Capital Loss", "Hours per week", "Country"]
BIAS = {"dataset_type": "text/csv", "headers": HEADERS, "label": "Target", "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "Sex", "value_or_threshold": [0]}], "group_variable": "Age"}


class Bench:
    def __init__(self, clary):
        self.clary = clary
        self.s3 = clary.boto("s3")
        self.sagemaker = clary.boto("sagemaker")
        self.jobs = 0

    def train(self, rounds):
        self.clary.put_census()
        whole = b"".join(service.census(part) for part in ("train", "validation", "test"))
        self.s3.put_object(Bucket="data", Key="all/all.csv", Body=whole)
        self.rows = pandas.read_csv(io.BytesIO(whole), header=None, names=HEADERS)
        request = self.clary.request("model")
        request["HyperParameters"] = {"objective": "binary:logistic", "num_round": str(rounds), "max_depth": "6", "eta": "0.2"}
        self.sagemaker.create_training_job(**request)
        job = self.clary.wait("model")
        uri = job["ModelArtifacts"]["S3ModelArtifacts"]
        self.sagemaker.create_model(ModelName="m", ExecutionRoleArn=job["RoleArn"],
                                    PrimaryContainer={"Image": service.IMAGE, "ModelDataUrl": uri})
        body = self.s3.get_object(Bucket="data", Key=uri.removeprefix("s3://data/"))["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as tar:
            self.booster = xgboost.Booster()
            self.booster.load_model(bytearray(tar.extractfile("xgboost-model").read()))

    def run(self, config):
        """Seconds of a job, and its clary_analysis.json."""
        self.jobs += 1
        name = f"analysis-{self.jobs}"
        self.s3.put_object(Bucket="data", Key=f"{name}/analysis_config.json", Body=json.dumps(config))

        def source(called, uri, path):
            return {"InputName": called, "S3Input": {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"}}

        begin = time.monotonic()
        self.sagemaker.create_processing_job(
            ProcessingJobName=name, RoleArn=self.clary.credentials["role_arn"],
            AppSpecification={"ImageUri": IMAGE},
            ProcessingInputs=[source("dataset", "s3://data/all/all.csv", "/opt/ml/processing/input/data"),
                              source("analysis_config", f"s3://data/{name}/analysis_config.json", "/opt/ml/processing/input/config")],
            ProcessingOutputConfig={"Outputs": [{"OutputName": "analysis_result", "S3Output": {
                "S3Uri": f"s3://data/{name}", "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"}}]},
            ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30}})
        while True:
            job = self.sagemaker.describe_processing_job(ProcessingJobName=name)
            if job["ProcessingJobStatus"] != "InProgress":
                break
            time.sleep(0.01)
        seconds = time.monotonic() - begin
        assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
        return seconds, json.loads(self.s3.get_object(Bucket="data", Key=f"{name}/clary_analysis.json")["Body"].read())


def told(what, values, unit="s"):
    values = sorted(values)
    print(f"{what:60} {values[len(values) // 2]:9.4f} {unit}   ({values[0]:.4f} to {values[-1]:.4f})", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--kernel-rows", type=int, default=100)
    options = parser.parse_args()
    with service.Service() as clary:
        bench = Bench(clary)
        bench.train(options.rounds)
        features = bench.rows.drop(columns="Target")
        baseline = features.median().astype(int)
        report = {"report": {"name": "report", "title": "Analysis Report"}}
        model = {"predictor": {"model_name": "m", "instance_type": "ml.m5.xlarge", "initial_instance_count": 1}}
        both = {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": "all"}}

        def explain(logit):
            return BIAS | model | {"methods": {"shap": {
                "baseline": [baseline.tolist()], "num_samples": 15, "use_logit": logit, "save_local_shap_values": True}}}

        times = {}

        def add(what, value):
            times.setdefault(what, []).append(value)

        few = numpy.asarray(features.iloc[:options.kernel_rows], dtype=numpy.float32)
        everything = numpy.asarray(features, dtype=numpy.float32)
        background = numpy.asarray(baseline, dtype=numpy.float32).reshape(1, -1)
        kernel = shap.KernelExplainer(lambda x: bench.booster.inplace_predict(x), background)
        tree = shap.TreeExplainer(bench.booster, background, feature_perturbation="interventional", model_output="raw")
        for _ in range(options.repeat):
            seconds, more = bench.run(BIAS | model | {"methods": both | report})
            add("bias job with model and report, request to Completed", seconds)
            add("  of it all metrics, FT, 2,000 draws, intersections", more["seconds"]["bias"])
            add("  of it the report", more["seconds"]["report"])
            seconds, more = bench.run(explain(False))
            add("exact explanations (probability), the whole job", seconds)
            add("  of it the explanations of 32,561 rows", more["seconds"]["shap"])
            begin = time.monotonic()
            kernel.shap_values(few, silent=True, l1_reg=False)
            add("shap's KernelExplainer, its time for 32,561 rows", (time.monotonic() - begin) / len(few) * len(everything))
            seconds, more = bench.run(explain(True))
            add("exact explanations (log-odds), the whole job", seconds)
            add("  of it the explanations of 32,561 rows (log-odds)", more["seconds"]["shap"])
            begin = time.monotonic()
            values = tree.shap_values(everything)
            add("shap's TreeExplainer, 32,561 rows (log-odds)", time.monotonic() - begin)
        assert values.shape == everything.shape
        for what, values in times.items():
            told(what, values)


main()
