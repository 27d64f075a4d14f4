"""What an analysis costs, beside shap and smclarify on the same rows and model, interleaved.

    CLARY=build/release/apps/clary/clary $(tools/venv.sh bench/requirements-clarify.txt)/bin/python bench/clarify_bench.py

The census as one data set of 32,561 rows, and a model of 100 rounds of depth 6. Times of a job are from the
request to the first Describe that says Completed; its parts are those of clary_analysis.json. shap explains
as many rows as it does in a few seconds, and is told per row. With --shadow a forest of scikit-learn behind a
shadow endpoint explains 2,000 rows; its own time is what its script measures around predict_proba. smclarify needs
another pandas than this: --smclarify PYTHON names a Python that has it.
"""
import argparse
import io
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile
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


SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
SCRIPT = """
import io
import os
import time

import joblib
import numpy


def model_fn(folder):
    model = joblib.load(os.path.join(folder, "model.joblib"))
    model.n_jobs = 1
    return model


def input_fn(body, content_type):
    begin = time.perf_counter()
    text = body if isinstance(body, str) else bytes(body).decode()
    rows = numpy.loadtxt(io.StringIO(text), delimiter=",", ndmin=2)
    print(f"parsed {len(rows)} {time.perf_counter() - begin:.6f}", flush=True)
    return rows


def predict_fn(rows, model):
    begin = time.perf_counter()
    answer = model.predict_proba(rows)[:, 1]
    print(f"predicted {len(rows)} {time.perf_counter() - begin:.6f}", flush=True)
    return answer
"""
# The metrics of smclarify alone, on a frame that is in memory.
SMCLARIFY = """
import sys, time
import pandas
from smclarify.bias import report
frame = pandas.read_csv(sys.argv[1])
frame["Target"] = frame["Target"].astype("int64")
facet = report.FacetColumn("Sex", [0])
label = report.LabelColumn("Target", frame["Target"], [1])
predicted = report.LabelColumn("Predicted", frame["Predicted"], [1])
for stage in (report.StageType.PRE_TRAINING, report.StageType.POST_TRAINING):
    begin = time.perf_counter()
    report.bias_report(frame.drop(columns="Predicted"), facet, label, stage,
                       predicted_label_column=predicted if stage == report.StageType.POST_TRAINING else None,
                       group_variable=frame["Age"])
    print(time.perf_counter() - begin)
"""


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

    def shadow_model(self):
        """A forest behind a script."""
        import joblib
        from sklearn.ensemble import RandomForestClassifier
        features = self.rows.drop(columns="Target")
        forest = RandomForestClassifier(100, max_depth=8, random_state=0).fit(features.to_numpy(), self.rows["Target"])
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            joblib.dump(forest, folder / "model.joblib")
            (folder / "code").mkdir()
            (folder / "code/inference.py").write_text(SCRIPT)
            archive = io.BytesIO()
            with tarfile.open(fileobj=archive, mode="w:gz") as tar:
                tar.add(folder, arcname=".")
        self.s3.put_object(Bucket="data", Key="forest/model.tar.gz", Body=archive.getvalue())
        service.clary("environments", "add", "sagemaker-scikit-learn:*", sys.prefix, home=self.clary.home)
        self.sagemaker.create_model(ModelName="forest", ExecutionRoleArn=self.clary.credentials["role_arn"], PrimaryContainer={
            "Image": SKLEARN, "ModelDataUrl": "s3://data/forest/model.tar.gz", "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}})

    def script_seconds(self):
        """What scripts said so far: {"parsed": [rows, seconds], "predicted": ...}."""
        logs = self.clary.boto("logs")
        told = {"parsed": [0, 0.0], "predicted": [0, 0.0]}
        for group in logs.describe_log_groups(logGroupNamePrefix="/aws/sagemaker/Endpoints/")["logGroups"]:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
            for event in (e for page in pages for e in page["events"]):
                words = event["message"].split()
                if len(words) == 3 and words[0] in told:
                    told[words[0]][0] += int(words[1])
                    told[words[0]][1] += float(words[2])
        return told

    def run(self, config, data="s3://data/all/all.csv"):
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
            ProcessingInputs=[source("dataset", data, "/opt/ml/processing/input/data"),
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


def shadow(bench, baseline):
    """What of the time of explanations the model does not need."""
    bench.shadow_model()
    bench.rows.head(2000).to_csv(bench.clary.home / "some.csv", header=False, index=False)
    bench.s3.upload_file(str(bench.clary.home / "some.csv"), "data", "some/some.csv")
    config = BIAS | {"predictor": {"model_name": "forest", "instance_type": "ml.m5.xlarge", "initial_instance_count": 1,
                                   "content_type": "text/csv", "accept_type": "text/csv"},
                     "methods": {"shap": {"baseline": [baseline.tolist()], "save_local_shap_values": True}}}
    before = bench.script_seconds()
    whole, more = bench.run(config, "s3://data/some/some.csv")
    after = bench.script_seconds()
    rows = after["predicted"][0] - before["predicted"][0]
    parsing, predicting = (after[word][1] - before[word][1] for word in ("parsed", "predicted"))
    seconds = more["seconds"]["shap"]
    told("shadow: the whole job", [whole])
    told("shadow: the explanations of 2,000 rows", [seconds])
    told(f"shadow: of it the forest for {rows} rows", [predicting])
    told("shadow: of it the script's reading of csv (numpy.loadtxt)", [parsing])
    told("shadow: own share of the explanations", [100 * (1 - (parsing + predicting) / seconds)], "%")


def smclarify(bench, python):
    """Seconds of smclarify before and after training."""
    frame = bench.rows.copy()
    margin = bench.booster.inplace_predict(numpy.asarray(frame.drop(columns="Target"), dtype=numpy.float32))
    frame["Predicted"] = (margin > 0.5).astype(int)
    file = bench.clary.home / "smclarify.csv"
    frame.to_csv(file, index=False)
    done = subprocess.run([python, "-W", "ignore", "-c", SMCLARIFY, str(file)], check=True, capture_output=True, text=True)
    return [float(line) for line in done.stdout.split()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--kernel-rows", type=int, default=100)
    parser.add_argument("--shadow", action="store_true")
    parser.add_argument("--smclarify", metavar="PYTHON")
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

        if options.shadow:
            shadow(bench, baseline)
            return
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
            if options.smclarify:
                for stage, seconds in zip(("pre", "post"), smclarify(bench, options.smclarify)):
                    add(f"smclarify's {stage}-training metrics, its run time alone", seconds)
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
