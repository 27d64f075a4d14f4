"""Explanations with an endpoint's answers (ClarifyExplainerConfig) by boto3: the built-in algorithm in the
explainer's process, a script behind it with texts, many models, and what is wrong."""
import io
import json
import math
import tarfile
import unittest

import botocore.exceptions
import models
import numpy
import scripts
import service
import xgboost
from service import clary, wait_for

SCRIPT = '''
import csv
import io
import json


def model_fn(folder):
    return json.load(open(folder + "/words.json"))


def input_fn(body, content_type):
    text = body if isinstance(body, str) else bytes(body).decode()
    if content_type == "application/jsonlines":
        return [json.loads(line)["features"] for line in text.splitlines() if line]
    return [row for row in csv.reader(io.StringIO(text)) if row]


def predict_fn(rows, words):
    print("asked about", len(rows), "rows", flush=True)
    return [sum(words.get(w, 0) for w in text.split()) + 0.5 * float(stars) for text, stars in rows]


def output_fn(scores, accept):
    if accept == "application/jsonlines":
        return "".join(json.dumps({"score": s}) + "\\n" for s in scores), accept
    return "".join(f"{s}\\n" for s in scores), accept
'''
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


class Explainers(service.ServiceTest):
    made = {}

    def uri(self):
        """A model of the census, and XGBoost's own booster of it."""
        if "model" not in self.made:
            self.sagemaker.create_training_job(**self.service.request("train"))
            job = self.service.wait("train")
            archive = self.dir / "model.tar.gz"
            uri = job["ModelArtifacts"]["S3ModelArtifacts"]
            clary("s3", "cp", uri, archive, home=self.service.home)
            self.made["model"] = (uri, models.load(archive))
        return self.made["model"]

    def deploy(self, name, container, explainer, **config):
        role = self.service.credentials["role_arn"]
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name, ExplainerConfig={"ClarifyExplainerConfig": explainer},
            ProductionVariants=[{"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large",
                                 "InitialInstanceCount": 1}], **config)
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

        def done():
            found = self.sagemaker.describe_endpoint(EndpointName=name)
            return found if found["EndpointStatus"] != "Creating" else None
        return wait_for(done, 60, name)

    def invoke(self, name, body, **options):
        options = {"ContentType": "text/csv", "Accept": "text/csv"} | options
        answer = self.service.boto("sagemaker-runtime").invoke_endpoint(EndpointName=name, Body=body, **options)
        self.assertEqual(answer["ContentType"], "application/json")
        return json.loads(answer["Body"].read())

    def attributions(self, answer, record=0):
        return [feature["attributions"][0]["attribution"][0] for feature in answer["explanations"]["kernel_shap"][record]]

    def script(self, name, explainer):
        text = io.BytesIO()
        with tarfile.open(fileobj=text, mode="w:gz") as tar:
            for path, bytes_ in (("code/inference.py", SCRIPT.encode()), ("words.json", b'{"good": 2, "bad": -1}')):
                info = tarfile.TarInfo(path)
                info.size = len(bytes_)
                tar.addfile(info, io.BytesIO(bytes_))
        self.s3.put_object(Bucket="data", Key="words/model.tar.gz", Body=text.getvalue())
        clary("environments", "add", "sagemaker-scikit-learn:*", scripts.script_environment(), home=self.service.home)
        return self.deploy(name, {"Image": SKLEARN, "ModelDataUrl": "s3://data/words/model.tar.gz", "Environment": {
            "SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}}, explainer)

    def test_the_built_in_algorithm(self):
        uri, booster = self.uri()
        labels, rows = service.census_rows("validation")
        baseline = numpy.median(numpy.asarray(rows), axis=0).astype(int)
        found = self.deploy("built-in", {"Image": service.IMAGE, "ModelDataUrl": uri}, {
            "EnableExplanations": "[0]>`0.5`",
            "InferenceConfig": {"FeatureHeaders": [f"f{i}" for i in range(len(baseline))], "LabelHeaders": [">50K"]},
            "ShapConfig": {"ShapBaselineConfig": {"MimeType": "text/csv", "ShapBaseline": ",".join(map(str, baseline))},
                           "NumberOfSamples": 10}})
        self.assertEqual(found["EndpointStatus"], "InService", found.get("FailureReason"))
        self.assertEqual(found["ExplainerConfig"]["ClarifyExplainerConfig"]["EnableExplanations"], "[0]>`0.5`")
        matrix = numpy.asarray(rows[:40], dtype=numpy.float32)
        body = "".join(",".join(f"{x:g}" for x in row) + "\n" for row in matrix)
        answer = self.invoke("built-in", body)
        self.assertEqual((answer["version"], answer["label_headers"]), ("1.0", [">50K"]))
        p = [float(x) for x in answer["predictions"]["data"].split()]
        numpy.testing.assert_allclose(p, booster.predict(xgboost.DMatrix(matrix)), atol=1e-6)
        expected = float(booster.predict(xgboost.DMatrix(baseline.reshape(1, -1).astype(numpy.float32)))[0])
        shap = answer["explanations"]["kernel_shap"]
        self.assertEqual([one is not None for one in shap], [x > 0.5 for x in p])
        self.assertTrue(any(one is None for one in shap) and any(one is not None for one in shap))
        for i, one in enumerate(shap):
            if one is None:
                continue
            self.assertEqual(one[2]["feature_header"], "f2")
            self.assertAlmostEqual(sum(self.attributions(answer, i)), p[i] - expected, places=6)
        # What a call says goes before what is configured.
        self.assertEqual(self.invoke("built-in", body, EnableExplanations="`false`")["explanations"], {})
        every = self.invoke("built-in", body, EnableExplanations="`true`")
        self.assertNotIn(None, every["explanations"]["kernel_shap"])
        # Exactly: a feature's share over all orders of those that differ from the baseline.
        row = 0
        players = [f for f in range(len(baseline)) if matrix[row][f] != baseline[f]]
        value = {}
        grid = numpy.tile(baseline.astype(numpy.float32), (1 << len(players), 1))
        for s in range(1 << len(players)):
            for i, f in enumerate(players):
                if s >> i & 1:
                    grid[s, f] = matrix[row][f]
        value = booster.predict(xgboost.DMatrix(grid)).astype(float)
        for i, f in enumerate(players):
            phi, m = 0, len(players)
            for s in range(1 << m):
                if not s >> i & 1:
                    k = bin(s).count("1")
                    phi += math.factorial(k) * math.factorial(m - k - 1) / math.factorial(m) * (value[s | 1 << i] - value[s])
            self.assertAlmostEqual(self.attributions(every, row)[f], phi, places=6)

    def test_a_script_and_its_texts(self):
        found = self.script("script", {
            "InferenceConfig": {"FeatureTypes": ["text", "numerical"], "FeaturesAttribute": "features",
                                "ContentTemplate": '{"features":$features}', "ProbabilityAttribute": "score",
                                "MaxRecordCount": 4},
            "ShapConfig": {"ShapBaselineConfig": {"ShapBaseline": '"",1'},
                           "TextConfig": {"Language": "en", "Granularity": "token"}}})
        self.assertEqual(found["EndpointStatus"], "InService", found.get("FailureReason"))
        answer = self.invoke("script", '"it is not bad, good",5\n"",1\n')
        text, stars = answer["explanations"]["kernel_shap"][0]
        words = {one["description"]["partial_text"]: one["attribution"][0] for one in text["attributions"]}
        self.assertEqual([one["description"]["start_idx"] for one in text["attributions"]], [0, 3, 6, 10, 13, 15])
        self.assertAlmostEqual(words["good"], 2)
        self.assertAlmostEqual(stars["attributions"][0]["attribution"][0], 2)
        self.assertAlmostEqual(sum(words.values()), 2)
        self.assertEqual([one["attributions"] for one in answer["explanations"]["kernel_shap"][1]],
                         [[{"attribution": [0.0]}], [{"attribution": [0.0]}]])
        lines = json.dumps({"features": ["good", 3]}) + "\n"
        answer = self.invoke("script", lines, ContentType="application/jsonlines", Accept="application/jsonlines")
        self.assertEqual(answer["predictions"]["data"], '{"score": 3.5}\n')
        self.assertAlmostEqual(answer["explanations"]["kernel_shap"][0][1]["attributions"][0]["attribution"][0], 1)
        with self.assertRaises(botocore.exceptions.ClientError) as refused:
            self.invoke("script", "good\n")
        self.assertRegex(str(refused.exception), "client error \\(400\\) from explainer.* 1 features.*baseline has 2")
        with self.assertRaises(botocore.exceptions.ClientError) as refused:
            self.invoke("script", "good,many\n")  # the script fails
        self.assertEqual(refused.exception.response["Error"]["Code"], "ModelError")

    def test_many_models_behind_one_explainer(self):
        uri, booster = self.uri()
        self.s3.copy_object(Bucket="data", Key="many/a.tar.gz", CopySource=uri.removeprefix("s3://"))
        self.s3.put_object(Bucket="data", Key="base/b.csv", Body=b",".join([b"0"] * 12) + b"\n" + b",".join([b"1"] * 12))
        found = self.deploy("many", {"Image": service.IMAGE, "ModelDataUrl": "s3://data/many/", "Mode": "MultiModel"}, {
            "ShapConfig": {"ShapBaselineConfig": {"ShapBaselineUri": "s3://data/base/b.csv"}, "NumberOfSamples": 5000}})
        self.assertEqual(found["EndpointStatus"], "InService", found.get("FailureReason"))
        row = ",".join(["7"] * 12)
        answer = self.invoke("many", row, TargetModel="a.tar.gz")
        base = numpy.asarray([[0] * 12, [1] * 12, [7] * 12], dtype=numpy.float32)
        p = booster.predict(xgboost.DMatrix(base)).astype(float)
        self.assertAlmostEqual(sum(self.attributions(answer)), p[2] - (p[0] + p[1]) / 2, places=6)

    def test_what_is_wrong_is_named(self):
        uri, _ = self.uri()
        found = self.deploy("wrong", {"Image": service.IMAGE, "ModelDataUrl": uri}, {
            "EnableExplanations": "[0", "ShapConfig": {"ShapBaselineConfig": {"ShapBaseline": "0"}}})
        self.assertEqual(found["EndpointStatus"], "Failed")
        self.assertIn("EnableExplanations: the JMESPath expression '[0' cannot be read", found["FailureReason"])
        with self.assertRaises(botocore.exceptions.ClientError) as refused:
            self.deploy("neither", {"Image": service.IMAGE, "ModelDataUrl": uri}, {"ShapConfig": {"ShapBaselineConfig": {}}})
        self.assertIn("needs a ShapBaseline or a ShapBaselineUri", str(refused.exception))


if __name__ == "__main__":
    unittest.main()
