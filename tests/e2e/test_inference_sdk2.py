"""Users' inference scripts by the SageMaker Python SDK v2, unmodified: endpoints, pipelines and batch
transforms, with scikit-learn and XGBoost from PyPI."""
import io
import os
import pathlib
import signal
import tarfile
import unittest

import numpy as np
import scripts
from botocore.exceptions import ClientError
from scripts import SOURCE
from service import IMAGE, census_rows, wait_for

EXAMPLE = SOURCE / "examples/script"
CSV_SCRIPT = """
import greeting, json, os
def model_fn(model_dir):
    print("the model is in", model_dir)
    return json.load(open(os.path.join(model_dir, "factor.json")))
def input_fn(data, content_type):
    if content_type != "text/csv":
        raise ValueError("no " + content_type)
    return [[float(x) for x in line.split(",")] for line in data.splitlines()]
def predict_fn(rows, factor):
    if rows[0][0] == -1:
        raise KeyError("minus one")
    if rows[0][0] == -2:
        os._exit(7)
    return [sum(row) * factor for row in rows]
def output_fn(sums, accept):
    if accept == "application/json":
        return json.dumps({"greeting": greeting.text, "sums": sums}), accept
    if accept == "text/event-stream":
        return (str(s) + " " for s in sums), accept
    return "\\n".join(str(s) for s in sums) + "\\n", "text/csv"
"""


class Inference(scripts.ScriptsTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        from sagemaker import Session, get_execution_role
        cls.session = Session()
        cls.common = {"role": get_execution_role(), "sagemaker_session": cls.session}
        cls.instances = {"initial_instance_count": 1, "instance_type": "ml.m5.large", "wait": False}
        cls.labels, rows = census_rows("validation")
        cls.rows = np.array(rows[:40])
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            text = b"10"
            member = tarfile.TarInfo("factor.json")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
        cls.service.boto("s3").put_object(Bucket="data", Key="factor/model.tar.gz",
                                          Body=archive.getvalue())

    def train(self, kind, script):
        estimator = kind(entry_point="train.py", source_dir=str(EXAMPLE / script), instance_count=1,
                         instance_type="ml.m5.large", **self.common)
        estimator.fit({"train": "s3://data/train"}, logs="None")
        return estimator

    def sklearn(self):
        from functools import partial
        from sagemaker.sklearn import SKLearn
        return self.train(partial(SKLearn, framework_version="1.2-1",
                                  hyperparameters={"n-estimators": 5}), "sklearn")

    def deploy(self, model, **options):
        predictor = model.deploy(**self.instances | options)
        self.session.wait_for_endpoint(predictor.endpoint_name, poll=0.05)
        self.addCleanup(predictor.delete_endpoint)
        return predictor

    def script_model(self, script=CSV_SCRIPT, requirements="greeting\n", **options):
        from sagemaker.sklearn import SKLearnModel
        folder = self.dir / f"source-{self.id().rsplit('.', 1)[-1]}"
        folder.mkdir(exist_ok=True)
        (folder / "inference.py").write_text(script)
        if requirements:
            (folder / "requirements.txt").write_text(requirements)
        return SKLearnModel(model_data="s3://data/factor/model.tar.gz", framework_version="1.2-1",
                            entry_point="inference.py", source_dir=str(folder), **self.common, **options)

    def log_of(self, endpoint):
        events = self.service.boto("logs").filter_log_events(
            logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}")["events"]
        return "\n".join(event["message"] for event in events)

    def failed(self, model):
        """The FailureReason of an endpoint that does not come up."""
        predictor = model.deploy(**self.instances)
        self.addCleanup(predictor.delete_endpoint)
        sagemaker = self.service.boto("sagemaker")

        def ended():
            endpoint = sagemaker.describe_endpoint(EndpointName=predictor.endpoint_name)
            return endpoint if endpoint["EndpointStatus"] != "Creating" else None

        endpoint = wait_for(ended, 60, "the endpoint's end")
        self.assertEqual(endpoint["EndpointStatus"], "Failed")
        return endpoint["FailureReason"], self.log_of(predictor.endpoint_name)

    def test_script_mode_estimators_are_deployed(self):
        sklearn = self.deploy(self.sklearn())
        answer = sklearn.predict(self.rows)  # npy in, npy out
        right = sum(a == l for a, l in zip(answer, self.labels))
        self.assertGreater(right, 28)

        from functools import partial
        from sagemaker.deserializers import CSVDeserializer
        from sagemaker.serializers import CSVSerializer
        from sagemaker.xgboost import XGBoost
        estimator = self.train(partial(XGBoost, framework_version="1.7-1"), "xgboost")
        predictor = self.deploy(estimator, serializer=CSVSerializer())
        self.assertEqual(predictor.deserializer.ACCEPT, ("text/csv",))
        values = [float(row[0]) for row in predictor.predict(self.rows)]
        right = sum((v > 0.5) == (l == 1) for v, l in zip(values, self.labels))
        self.assertEqual(len(values), 40)
        self.assertGreater(right, 30)
        predictor.deserializer = CSVDeserializer()
        self.assertEqual(predictor.predict(self.rows[:1]), [[str(np.float32(values[0]))]])

    def test_an_inference_script_with_requirements(self):
        from sagemaker.deserializers import JSONDeserializer
        from sagemaker.serializers import CSVSerializer
        model = self.script_model(env={"SAGEMAKER_MODEL_SERVER_WORKERS": "2"})
        predictor = self.deploy(model, serializer=CSVSerializer(), deserializer=JSONDeserializer())
        self.assertEqual(predictor.predict([[1, 2], [3, 4]]),
                         {"greeting": "hello from a wheel", "sums": [30, 70]})
        log = self.log_of(predictor.endpoint_name)
        self.assertIn("the model is in /opt/ml/model", log)
        self.assertIn("inference script /opt/ml/code/inference.py", log)

        runtime = self.service.boto("sagemaker-runtime")

        def ask(body, **more):
            return runtime.invoke_endpoint(EndpointName=predictor.endpoint_name, Body=body,
                                           ContentType="text/csv", **more)

        answer = ask("1,2\n", Accept="text/csv")
        self.assertEqual((answer["ContentType"], answer["Body"].read()),
                         ("text/csv; charset=utf-8", b"30.0\n"))
        stream = runtime.invoke_endpoint_with_response_stream(
            EndpointName=predictor.endpoint_name, Body="1,2\n3,4", ContentType="text/csv",
            Accept="text/event-stream")
        self.assertEqual(stream["ContentType"], "text/event-stream; charset=utf-8")
        self.assertEqual(b"".join(part["PayloadPart"]["Bytes"] for part in stream["Body"]),
                         b"30.0 70.0 ")
        with self.assertRaises(ClientError) as caught:
            ask("-1\n")
        error = caught.exception.response
        self.assertEqual(error["Error"]["Code"], "ModelError")
        self.assertEqual(error["OriginalStatusCode"], 500)
        self.assertIn("KeyError: 'minus one'", error["OriginalMessage"])
        self.assertIn("inference.py", error["OriginalMessage"])
        with self.assertRaises(ClientError) as caught:
            ask("-2\n")  # its worker goes; boto3 tries again, in vain
        self.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], 503)
        self.assertEqual(ask("1,2\n", Accept="text/csv")["Body"].read(), b"30.0\n")
        wait_for(lambda: "exited with status 7" in self.log_of(predictor.endpoint_name), 10, "the log")

    def test_a_model_server_that_is_killed_comes_back(self):
        predictor = self.deploy(self.script_model())
        runtime = self.service.boto("sagemaker-runtime")

        def answers():
            try:
                return runtime.invoke_endpoint(EndpointName=predictor.endpoint_name, Body="1,2",
                                               ContentType="text/csv", Accept="text/csv")["Body"].read()
            except ClientError as error:
                self.assertEqual(error.response["ResponseMetadata"]["HTTPStatusCode"], 503)
                return None

        self.assertEqual(answers(), b"30.0\n")
        for proc in pathlib.Path("/proc").iterdir():
            try:
                words = (proc / "cmdline").read_bytes().split(b"\0") if proc.name.isdigit() else []
            except OSError:
                continue
            if b"model-server" in words and str(self.service.home).encode() in b" ".join(words):
                os.kill(int(proc.name), signal.SIGKILL)
        self.assertEqual(wait_for(answers, 30, "an answer"), b"30.0\n")

    def test_scripts_that_do_not_come_up_say_why(self):
        reason, log = self.failed(self.script_model(
            "def model_fn(model_dir):\n    raise RuntimeError('no weights here')\n", ""))
        self.assertRegex(reason, "^The primary container for production variant AllTraffic did not "
                                 "pass the ping health check. Please check CloudWatch logs for this "
                                 "endpoint. .*RuntimeError: no weights here")
        self.assertIn("in model_fn", log)
        reason, log = self.failed(self.script_model("import nowhere\n", "no-such-package==7\n"))
        self.assertIn("requirements.txt could not be installed", reason)
        self.assertIn("no-such-package", reason)
        from sagemaker.pytorch import PyTorchModel
        script = self.write("torch_inference.py", "pass\n")
        reason, _ = self.failed(PyTorchModel(
            model_data="s3://data/factor/model.tar.gz", entry_point=str(script), py_version="py311",
            framework_version="2.3.0", **self.common))
        self.assertIn("clary environments build pytorch 2.3.0", reason)

    def test_a_batch_transform_with_a_script(self):
        model = self.script_model()
        model.create()
        from sagemaker.transformer import Transformer
        s3 = self.service.boto("s3")
        s3.put_object(Bucket="data", Key="batch/in.csv",
                      Body="\n".join(f"{i},{i}" for i in range(1, 101)) + "\n")
        transformer = Transformer(model.name, 1, "ml.m5.large", strategy="MultiRecord",
                                  assemble_with="Line", accept="text/csv",
                                  output_path="s3://data/batch-out", sagemaker_session=self.session)
        transformer.transform("s3://data/batch/", content_type="text/csv", split_type="Line",
                              wait=False)
        job = self.wait_for_transform(transformer.latest_transform_job.name)
        self.assertEqual(job["TransformJobStatus"], "Completed", job.get("FailureReason"))
        out = self.read("s3://data/batch-out/in.csv.out").decode().split()
        self.assertEqual([float(x) for x in out], [20.0 * i for i in range(1, 101)])

        s3.put_object(Bucket="data", Key="bad/in.csv", Body="-1,1\n")
        transformer.transform("s3://data/bad/", content_type="text/csv", split_type="Line", wait=False)
        job = self.wait_for_transform(transformer.latest_transform_job.name)
        self.assertEqual(job["TransformJobStatus"], "Failed")
        self.assertTrue(job["FailureReason"].startswith(
            "AlgorithmError: See job logs for more information"), job["FailureReason"])

    def wait_for_transform(self, name):
        sagemaker = self.service.boto("sagemaker")

        def done():
            job = sagemaker.describe_transform_job(TransformJobName=name)
            return job if job["TransformJobStatus"] in ("Completed", "Failed", "Stopped") else None

        return wait_for(done, 60, "the transform")

    def test_a_pipeline_of_a_script_and_the_built_in(self):
        from sagemaker.deserializers import CSVDeserializer
        from sagemaker.model import Model
        from sagemaker.pipeline import PipelineModel
        from sagemaker.serializers import CSVSerializer
        sagemaker = self.service.boto("sagemaker")
        request = self.service.request("for-the-pipeline")
        sagemaker.create_training_job(**request)
        job = self.service.wait("for-the-pipeline")
        # The first one takes an id off the rows.
        first = self.script_model(
            "def model_fn(model_dir): pass\n"
            "def transform_fn(model, data, content_type, accept):\n"
            "    rows = [line.split(',', 1)[1] for line in data.splitlines()]\n"
            "    return '\\n'.join(rows), 'text/csv'\n", "")
        second = Model(IMAGE, model_data=job["ModelArtifacts"]["S3ModelArtifacts"], **self.common)
        pipeline = PipelineModel([first, second], **self.common)
        pipeline.deploy(**self.instances, endpoint_name="pipeline")
        self.session.wait_for_endpoint("pipeline", poll=0.05)
        from sagemaker.predictor import Predictor
        predictor = Predictor("pipeline", self.session, CSVSerializer(), CSVDeserializer())
        self.addCleanup(predictor.delete_endpoint)
        rows = np.hstack([np.arange(40).reshape(-1, 1), self.rows])
        values = [float(v[0]) for v in predictor.predict(rows)]
        right = sum((v > 0.5) == (l == 1) for v, l in zip(values, self.labels))
        self.assertEqual(len(values), 40)
        self.assertGreater(right, 28)
        with self.assertRaises(ClientError) as caught:
            predictor.predict(rows[:, :3])
        self.assertIn("from container-2 with message", str(caught.exception))

    def refused(self, **request):
        with self.assertRaises(ClientError) as caught:
            self.service.boto("sagemaker-runtime").invoke_endpoint(ContentType="text/csv", **request)
        return caught.exception.response

    def test_many_models_of_the_built_in_algorithm(self):
        from sagemaker.deserializers import CSVDeserializer
        from sagemaker.multidatamodel import MultiDataModel
        from sagemaker.predictor import Predictor
        from sagemaker.serializers import CSVSerializer
        data = {}
        for name, rounds in (("one", "1"), ("ten", "10")):
            request = self.service.request(f"many-{name}")
            request["HyperParameters"]["num_round"] = rounds
            self.service.boto("sagemaker").create_training_job(**request)
            data[name] = self.service.wait(f"many-{name}")["ModelArtifacts"]["S3ModelArtifacts"]
        models = MultiDataModel(name="many", model_data_prefix="s3://data/many/", image_uri=IMAGE,
                                **self.common)
        models.deploy(1, "ml.m5.large", wait=False)
        self.session.wait_for_endpoint("many", poll=0.05)
        models.add_model(data["one"], "a/one.tar.gz")
        models.add_model(data["ten"], "ten.tar.gz")
        self.assertEqual(set(models.list_models()), {"a/one.tar.gz", "ten.tar.gz"})
        predictor = Predictor("many", self.session, CSVSerializer(), CSVDeserializer())
        self.addCleanup(predictor.delete_endpoint)
        ask = lambda model: [float(v[0]) for v in  # noqa: E731
                             predictor.predict(self.rows, target_model=model)]
        one, ten = ask("a/one.tar.gz"), ask("ten.tar.gz")
        self.assertNotEqual(one, ten)
        self.assertEqual(ask("a/one.tar.gz"), one)
        models.add_model(data["ten"], "a/one.tar.gz")  # in the other's place
        self.assertEqual(ask("a/one.tar.gz"), ten)
        error = self.refused(EndpointName="many", Body="1", TargetModel="none.tar.gz")
        self.assertEqual(error["Error"]["Code"], "ValidationError")
        self.assertIn("Failed to download model data(bucket: data, key: many/none.tar.gz)",
                      error["Error"]["Message"])
        self.assertIn("missing a target model header",
                      self.refused(EndpointName="many", Body="1")["Error"]["Message"])

    def test_many_models_of_a_script(self):
        from sagemaker.multidatamodel import MultiDataModel
        s3 = self.service.boto("s3")
        for name in ("2", "3"):
            archive = io.BytesIO()
            with tarfile.open(fileobj=archive, mode="w:gz") as tar:
                member = tarfile.TarInfo("factor.json")
                member.size = 1
                tar.addfile(member, io.BytesIO(name.encode()))
            s3.put_object(Bucket="data", Key=f"scripts/{name}.tar.gz", Body=archive.getvalue())
        models = MultiDataModel(name="scripts", model_data_prefix="s3://data/scripts/",
                                model=self.script_model(), sagemaker_session=self.session)
        predictor = models.deploy(1, "ml.m5.large", wait=False)
        self.session.wait_for_endpoint("scripts", poll=0.05)
        self.addCleanup(predictor.delete_endpoint)
        runtime = self.service.boto("sagemaker-runtime")
        ask = lambda model: runtime.invoke_endpoint(  # noqa: E731
            EndpointName="scripts", Body="1,2", ContentType="text/csv", Accept="text/csv",
            TargetModel=model)["Body"].read()
        self.assertEqual([ask("2.tar.gz"), ask("3.tar.gz"), ask("2.tar.gz")],
                         [b"6.0\n", b"9.0\n", b"6.0\n"])
        self.assertEqual(self.refused(EndpointName="scripts", Body="1", TargetModel="4.tar.gz")
                         ["Error"]["Code"], "ValidationError")


if __name__ == "__main__":
    unittest.main()
