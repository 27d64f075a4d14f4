"""SageMaker Clarify's jobs: the example's calls by the SDK, the same by boto3, a model behind an endpoint of
the job's own, and what is wrong."""
import csv
import io
import json
import os
import subprocess
import unittest

import models
import numpy
import service
import xgboost
from service import SOURCE, census, clary, wait_for

IMAGE = "205585389593.dkr.ecr.us-east-1.amazonaws.com/sagemaker-clarify-processing:1.0"
HEADERS = ["Target", "Age", "Workclass", "Education-Num", "Marital Status", "Occupation", "Relationship", "Race", "Sex",
           "Capital Gain", "Capital Loss", "Hours per week", "Country"]


def metrics(section, facet):
    return {m["name"]: m.get("value") for m in section["facets"][facet][0]["metrics"]}


class Clarify(service.ServiceTest):
    def config(self, **overrides):
        return {"dataset_type": "text/csv", "headers": HEADERS, "label": "Target", "label_values_or_threshold": [1],
                "facet": [{"name_or_index": "Sex", "value_or_threshold": [0]}], "group_variable": "Age",
                "methods": {"pre_training_bias": {"methods": "all"}}} | overrides

    def create(self, name, config, data="s3://data/validation/"):
        text = config if isinstance(config, str) else json.dumps(config)
        self.s3.put_object(Bucket="data", Key=f"{name}/bias_analysis_config.json", Body=text)

        def source(called, uri, path):
            return {"InputName": called, "S3Input": {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"}}

        self.sagemaker.create_processing_job(
            ProcessingJobName=name, RoleArn=self.service.credentials["role_arn"], AppSpecification={"ImageUri": IMAGE},
            ProcessingInputs=[source("dataset", data, "/opt/ml/processing/input/data"),
                              source("analysis_config", f"s3://data/{name}/bias_analysis_config.json", "/opt/ml/processing/input/config")],
            ProcessingOutputConfig={"Outputs": [{"OutputName": "analysis_result", "S3Output": {
                "S3Uri": f"s3://data/{name}", "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"}}]},
            ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30}})

    def wait(self, name):
        def ended():
            job = self.sagemaker.describe_processing_job(ProcessingJobName=name)
            return job if job["ProcessingJobStatus"] not in ("InProgress", "Stopping") else None
        return wait_for(ended, 120, name)

    def run_job(self, name, config, **options):
        self.create(name, config, **options)
        return self.wait(name)

    def result(self, name, file="analysis.json"):
        body = self.s3.get_object(Bucket="data", Key=f"{name}/{file}")["Body"].read()
        return json.loads(body) if file.endswith(".json") else body.decode()

    def model(self, name="census-model"):
        """A model of the census, and XGBoost's own booster of it."""
        if "model" not in self.made:
            self.sagemaker.create_training_job(**self.service.request("train"))
            job = self.service.wait("train")
            archive = self.dir / "model.tar.gz"
            uri = job["ModelArtifacts"]["S3ModelArtifacts"]
            clary("s3", "cp", uri, archive, home=self.service.home)
            self.made["model"] = (uri, job["RoleArn"], models.load(archive))
            self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=job["RoleArn"],
                                        PrimaryContainer={"Image": service.IMAGE, "ModelDataUrl": uri})
        return self.made["model"]

    made = {}
    predictor = {"model_name": "census-model", "instance_type": "ml.m5.xlarge", "initial_instance_count": 1}

    def test_the_example_by_the_sdk(self):
        for part in ("train", "test"):
            (self.dir / f"{part}.csv").write_bytes(census(part))
        done = subprocess.run(
            [service.CLARY, "exec", "--", "python", SOURCE / "tests/e2e/clarify_story.py", self.dir], cwd=self.dir,
            capture_output=True, text=True, timeout=500,
            env={"PATH": os.environ["PATH"], "HOME": str(self.dir), "CLARY_HOME": str(self.service.home)})
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
        result = json.loads(done.stdout.strip().splitlines()[-1])
        labels, rows = service.census_rows("train")
        archive = self.dir / "story.tar.gz"
        clary("s3", "cp", result["model_data"], archive, home=self.service.home)
        p = models.load(archive).predict(xgboost.DMatrix(numpy.asarray(rows, dtype=numpy.float32)))
        sex = numpy.asarray(rows)[:, 7]
        labels, accepted = numpy.asarray(labels), p > 0.8
        rate = lambda which, group: which[group].mean()  # noqa: E731
        pre = metrics(result["pre"]["pre_training_bias_metrics"], "Sex")
        self.assertAlmostEqual(pre["DPL"], rate(labels == 1, sex != 0) - rate(labels == 1, sex == 0), places=9)
        post = metrics(result["bias"]["post_training_bias_metrics"], "Sex")
        self.assertAlmostEqual(post["DPPL"], rate(accepted, sex != 0) - rate(accepted, sex == 0), places=9)
        self.assertAlmostEqual(post["DI"], rate(accepted, sex == 0) / rate(accepted, sex != 0), places=9)
        self.assertEqual(list(result["bias"]), ["version", "post_training_bias_metrics", "pre_training_bias_metrics"])
        shap = result["shap"]["explanations"]["kernel_shap"]["label0"]
        self.assertAlmostEqual(result["shap_111"], float(p[111]) - shap["expected_value"], places=5)
        self.assertEqual(result["shap_more"]["shap"]["method"], "exact_coalitions")
        self.assertEqual([one["feature_name"] for one in result["all"]["explanations"]["pdp"]], ["Age", "Sex"])
        self.assertEqual(self.sagemaker.list_endpoints()["Endpoints"], [])  # it is asked in the job's process

    def test_by_boto3_with_a_configuration_of_any_name(self):
        job = self.run_job("by-hand", self.config())
        self.assertEqual(job["ProcessingJobStatus"], "Completed", job.get("FailureReason"))
        self.assertEqual(job["ExitMessage"], "Completed: SageMaker XAI Analyzer ran successfully")
        labels, rows = service.census_rows("validation")
        sex, labels = numpy.asarray(rows)[:, 7], numpy.asarray(labels)
        values = metrics(self.result("by-hand")["pre_training_bias_metrics"], "Sex")
        self.assertAlmostEqual(values["CI"], ((sex != 0).sum() - (sex == 0).sum()) / len(sex), places=12)
        more = self.result("by-hand", "clary_analysis.json")
        low, high = more["bias"]["facets"][0]["intervals_95"]["DPL"]
        self.assertLess(low, values["DPL"])
        self.assertGreater(high, values["DPL"])
        kept = [o["Key"] for o in self.s3.list_objects_v2(Bucket="data", Prefix="by-hand/")["Contents"]]
        self.assertEqual(kept, ["by-hand/analysis.json", "by-hand/bias_analysis_config.json", "by-hand/clary_analysis.json"])

    def test_parquet_says_the_same_and_keeps_large_keys(self):
        self.model()
        labels, rows = service.census_rows("validation")
        text = "".join(",".join(map(str, [int(y), *map(int, row), 2**53 + 1 + i])) + "\n"
                       for i, (row, y) in enumerate(zip(rows[:300], labels[:300])))
        self.s3.put_object(Bucket="data", Key="keyed/d.csv", Body=text)
        python = subprocess.run([SOURCE / "tools/venv.sh", SOURCE / "tests/compat/requirements-parquet.txt"], check=True,
                                capture_output=True, text=True, env=os.environ | {"HOME": os.path.expanduser("~")}).stdout.strip()
        names = [*HEADERS, "key"]
        made = subprocess.run(
            [f"{python}/bin/python", "-c",
             f"import pandas, sys; pandas.read_csv(sys.stdin, names={names}).to_parquet({str(self.dir / 'd.parquet')!r})"],
            input=text, capture_output=True, text=True)
        self.assertEqual(made.returncode, 0, made.stderr[-2000:])
        self.s3.put_object(Bucket="data", Key="columns/d.parquet", Body=(self.dir / "d.parquet").read_bytes())
        methods = {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": "all"},
                   "shap": {"baseline": [[int(x) for x in rows[0]]], "save_local_shap_values": True}}
        config = self.config(methods=methods, headers=names, joinsource_name_or_index="key",
                             predictor=self.predictor | {"content_type": "text/csv"})
        for name, kind, data in (("plain-keys", "text/csv", "keyed"), ("parquet-keys", "application/x-parquet", "columns")):
            done = self.run_job(name, config | {"dataset_type": kind}, data=f"s3://data/{data}/")
            self.assertEqual(done["ProcessingJobStatus"], "Completed", done.get("FailureReason"))
        self.assertEqual(self.result("plain-keys"), self.result("parquet-keys"))
        values = self.result("parquet-keys", "explanations_shap/out.csv")
        self.assertEqual(values, self.result("plain-keys", "explanations_shap/out.csv"))
        self.assertEqual(values.splitlines()[2].rsplit(",", 1)[1], str(2**53 + 2))

    def test_json_lines_say_the_same(self):
        self.model()
        labels, rows = service.census_rows("validation")
        labels, rows = labels[:400], [[int(x) for x in row] for row in rows[:400]]
        lines = "".join(json.dumps({"f": row, "y": int(y)}) + "\n" for row, y in zip(rows, labels))
        self.s3.put_object(Bucket="data", Key="lines/d.jsonl", Body=lines)
        text = "".join(",".join(map(str, [int(y), *row])) + "\n" for row, y in zip(rows, labels))
        self.s3.put_object(Bucket="data", Key="text/d.csv", Body=text)
        both = {"post_training_bias": {"methods": ["DPPL", "AD"]}, "shap": {"baseline": [rows[0]], "save_local_shap_values": True}}
        plain = self.run_job("as-csv", self.config(methods=both, predictor=self.predictor), data="s3://data/text/")
        self.assertEqual(plain["ProcessingJobStatus"], "Completed", plain.get("FailureReason"))
        predictor = self.predictor | {"content_type": "text/csv", "accept_type": "application/json", "probability": "predictions[*].score"}
        as_lines = self.config(dataset_type="application/jsonlines", features="f", label="y", headers=HEADERS[1:],
                               methods=both, predictor=predictor)
        done = self.run_job("as-lines", as_lines, data="s3://data/lines/")
        self.assertEqual(done["ProcessingJobStatus"], "Completed", done.get("FailureReason"))
        one, other = self.result("as-csv"), self.result("as-lines")
        self.assertEqual(one["post_training_bias_metrics"]["facets"], other["post_training_bias_metrics"]["facets"])
        for a, b in zip(csv.reader(io.StringIO(self.result("as-csv", "explanations_shap/out.csv"))),
                        csv.reader(io.StringIO(self.result("as-lines", "explanations_shap/out.csv"))), strict=True):
            if a[0].startswith("Age"):
                self.assertEqual(a, b)
            else:
                numpy.testing.assert_allclose([float(x) for x in a], [float(x) for x in b], atol=2e-6)

    def pipeline(self, name):
        """A model of two containers, which no job can ask in its own process."""
        uri, role, _ = self.model()
        if "second" not in self.made:
            self.s3.put_object(Bucket="data", Key="scores/s.csv", Body="".join(f"{int(i > 50)},{i / 100}\n" for i in range(100)))
            request = self.service.request("second", channels=("train",))
            request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://data/scores/"
            request["HyperParameters"] = {"objective": "binary:logistic", "num_round": "5", "min_child_weight": "0"}
            self.sagemaker.create_training_job(**request)
            self.made["second"] = self.service.wait("second")["ModelArtifacts"]["S3ModelArtifacts"]
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, Containers=[
            {"Image": service.IMAGE, "ModelDataUrl": uri}, {"Image": service.IMAGE, "ModelDataUrl": self.made["second"]}])

    def test_another_model_gets_an_endpoint_for_the_time_of_the_job(self):
        self.pipeline("two-steps")
        predictor = self.predictor | {"model_name": "two-steps"}
        labels, rows = service.census_rows("validation")
        baseline = numpy.median(numpy.asarray(rows), axis=0).astype(int).tolist()
        text = "\n".join(census("validation").decode().splitlines()[:200]) + "\n"
        self.s3.put_object(Bucket="data", Key="few/d.csv", Body=text)
        job = self.run_job("shadow", self.config(predictor=predictor, methods={
            "post_training_bias": {"methods": "all"}, "shap": {"baseline": [baseline], "num_samples": 100}}), data="s3://data/few/")
        self.assertEqual(job["ProcessingJobStatus"], "Completed", job.get("FailureReason"))
        self.assertGreater(self.result("shadow", "clary_analysis.json")["model_requests"], 1)
        self.assertEqual(self.sagemaker.list_endpoints()["Endpoints"], [])
        self.assertEqual(self.sagemaker.list_endpoint_configs()["EndpointConfigs"], [])

    def test_a_job_that_is_stopped_takes_its_endpoint_with_it(self):
        self.pipeline("stopped-steps")
        predictor = self.predictor | {"model_name": "stopped-steps"}
        self.create("stopped", self.config(predictor=predictor, methods={"shap": {"num_samples": 100000}}), data="s3://data/train/")
        name = wait_for(lambda: self.sagemaker.list_endpoints()["Endpoints"], 60, "the endpoint")[0]["EndpointName"]
        self.assertRegex(name, r"^sm-clarify-stopped-steps-\d{10}-[0-9a-f]{4}$")
        self.sagemaker.stop_processing_job(ProcessingJobName="stopped")
        self.assertEqual(self.wait("stopped")["ProcessingJobStatus"], "Stopped")
        self.assertEqual(self.sagemaker.list_endpoints()["Endpoints"], [])
        self.assertEqual(self.sagemaker.list_endpoint_configs()["EndpointConfigs"], [])

    def test_what_is_wrong_is_named(self):
        def refused(name, config, **options):
            job = self.run_job(name, config, **options)
            self.assertEqual(job["ProcessingJobStatus"], "Failed")
            self.assertEqual(job["ExitMessage"], job["FailureReason"])
            return job["FailureReason"]

        self.assertRegex(refused("no-json", "{"), "^ClientError: Unable to load analysis configuration as JSON. ")
        self.assertRegex(refused("typo", self.config(lable="y")), "^ClientError: Analysis configuration schema validation error. "
                         "lable: unknown key. Did you mean label")
        self.assertRegex(refused("facet", self.config(facet=[{"name_or_index": "Gender"}])), "^ClientError: Unable to locate the facet.* 'Gender'")
        self.assertRegex(refused("headers", self.config(headers=HEADERS[:-1], facet=[{"name_or_index": 0}])),
                         "Headers in config do not match with the number of columns in the dataset.* 12 headers; .* 13 columns")
        self.assertRegex(refused("text", self.config(facet=[{"name_or_index": "Age", "value_or_threshold": ["old"]}])),
                         "facet 'Age': could not convert string to float: 'old'")
        self.assertRegex(refused("model", self.config(predictor=self.predictor | {"model_name": "nobody"}, methods={"shap": {}})),
                         "the model 'nobody' cannot be asked")
        self.assertRegex(refused("path", self.config(dataset_type="application/jsonlines", features="f[", label="y")),
                         "features: the JMESPath expression 'f.' cannot be read")

    def test_by_the_command_line(self):
        self.model()
        done = clary("clarify", "train", "--facet", "column_8=0", "--no-explanations", "--json", home=self.service.home)
        found = json.loads(done.stdout)
        self.assertIn("DPPL", metrics(found["analysis"]["post_training_bias_metrics"], "column_8"))
        self.assertIn("<html", open(found["report"]).read(2000).lower())
        told = clary("clarify", "train", "--facet", "column_8=0", home=self.service.home).stdout
        self.assertIn("column_8 = 0, predictions", told)
        self.assertIn("what moves label0", told)
        wrong = clary("clarify", "train", "--facet", "=", home=self.service.home, check=False)
        self.assertEqual(wrong.returncode, 2)


if __name__ == "__main__":
    unittest.main()
