"""An endpoint that answers, and batch transforms, through plain boto3 and the command line."""
import io
import json
import tarfile
import unittest

import service
from botocore.exceptions import ClientError
from service import census_rows, clary, wait_for


class Serving(service.ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        sagemaker = cls.service.boto("sagemaker")
        sagemaker.create_training_job(**cls.service.request("trained"))
        job = cls.service.wait("trained")
        cls.model_data = job["ModelArtifacts"]["S3ModelArtifacts"]
        cls.labels, rows = census_rows("validation")
        cls.rows = [",".join(f"{x:g}" for x in row) for row in rows[:50]]
        cls.make_model("m")
        cls.deploy("e", variants=[("AllTraffic", "m", 1)], DataCaptureConfig={
            "EnableCapture": True, "InitialSamplingPercentage": 100,
            "DestinationS3Uri": "s3://data/captured",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"],
                                         "JsonContentTypes": ["application/json"]}})

    @classmethod
    def make_model(cls, name, uri=None, **environment):
        cls.service.boto("sagemaker").create_model(
            ModelName=name, ExecutionRoleArn=cls.service.credentials["role_arn"],
            PrimaryContainer={"Image": service.IMAGE, "ModelDataUrl": uri or cls.model_data,
                              "Environment": environment})

    @classmethod
    def deploy(cls, name, variants, **config):
        sagemaker = cls.service.boto("sagemaker")
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[
            {"VariantName": variant, "ModelName": model, "InitialInstanceCount": 1,
             "InstanceType": "ml.m5.large", "InitialVariantWeight": weight}
            for variant, model, weight in variants], **config)
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

        def settled():
            endpoint = sagemaker.describe_endpoint(EndpointName=name)
            return endpoint if endpoint["EndpointStatus"] != "Creating" else None

        return wait_for(settled, 30, "the endpoint")

    def setUp(self):
        super().setUp()
        self.runtime = self.service.boto("sagemaker-runtime")

    def ask(self, body, content_type="text/csv", endpoint="e", **more):
        return self.runtime.invoke_endpoint(EndpointName=endpoint, ContentType=content_type,
                                            Body=body, **more)

    def refused(self, *args, **more):
        with self.assertRaises(ClientError) as caught:
            self.ask(*args, **more)
        return caught.exception.response

    def test_rows_are_answered(self):
        answer = self.ask("\n".join(self.rows))
        self.assertEqual(answer["ContentType"], "text/csv; charset=utf-8")
        self.assertEqual(answer["InvokedProductionVariant"], "AllTraffic")
        values = [float(x) for x in answer["Body"].read().split()]
        self.assertEqual(len(values), 50)
        right = sum((v > 0.5) == (label == 1) for v, label in zip(values, self.labels))
        self.assertGreater(right, 35)
        one = json.loads(self.ask(self.rows[0], Accept="application/json")["Body"].read())
        self.assertEqual(one, {"predictions": [{"score": values[0]}]})

    def test_a_stream_comes_in_parts(self):
        answer = self.runtime.invoke_endpoint_with_response_stream(
            EndpointName="e", ContentType="text/csv", Body=self.rows[0])
        parts = b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"])
        self.assertEqual(parts, self.ask(self.rows[0])["Body"].read())

    def test_what_is_wrong_is_said(self):
        error = self.refused("1,2,3")
        self.assertEqual(error["Error"]["Code"], "ModelError")
        self.assertEqual(error["OriginalStatusCode"], 400)
        self.assertIn("was trained on", error["OriginalMessage"])
        self.assertTrue(error["LogStreamArn"].endswith("/aws/sagemaker/Endpoints/e"))
        self.assertEqual(self.refused("a,b")["OriginalStatusCode"], 415)
        self.assertEqual(self.refused("{}", "application/json")["OriginalStatusCode"], 415)
        self.assertEqual(self.refused("1", Accept="image/png")["OriginalStatusCode"], 400)
        self.assertEqual(self.refused(self.rows[0], Accept="image/png")["OriginalStatusCode"], 406)
        self.assertIn("nobody", self.refused("1", endpoint="nobody")["Error"]["Message"])
        self.assertIn("Other", self.refused("1", TargetVariant="Other")["Error"]["Message"])
        self.assertEqual(self.refused("1", TargetModel="m")["Error"]["Code"], "ValidationError")
        logs = self.service.boto("logs")

        def told():
            lines = logs.filter_log_events(logGroupName="/aws/sagemaker/Endpoints/e")["events"]
            return any("was trained on" in line["message"] for line in lines)

        wait_for(told, 10, "the container's line in the log")

    def test_what_was_asked_is_captured(self):
        self.ask(self.rows[1], InferenceId="captured-1")

        def captured():
            keys = self.s3.list_objects_v2(Bucket="data", Prefix="captured/e/AllTraffic/")
            for item in keys.get("Contents", []):
                text = self.s3.get_object(Bucket="data", Key=item["Key"])["Body"].read().decode()
                for line in text.splitlines():
                    record = json.loads(line)
                    if record["eventMetadata"].get("inferenceId") == "captured-1":
                        return record
            return None

        record = wait_for(captured, 20, "the captured record")
        self.assertEqual(record["captureData"]["endpointInput"]["data"], self.rows[1])
        self.assertEqual(record["captureData"]["endpointOutput"]["encoding"], "CSV")

    def test_variants_share_by_weight(self):
        self.make_model("labels", SAGEMAKER_INFERENCE_OUTPUT="predicted_label")
        self.deploy("two", [("a", "m", 1), ("b", "labels", 1)])
        seen = {self.ask(self.rows[0], endpoint="two")["InvokedProductionVariant"]
                for _ in range(40)}
        self.assertEqual(seen, {"a", "b"})
        answer = self.ask(self.rows[0], endpoint="two", TargetVariant="b")["Body"].read()
        self.assertIn(answer.strip(), (b"0", b"1"))

    def test_a_model_that_is_none_fails_the_endpoint(self):
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            member = tarfile.TarInfo("xgboost-model")
            member.size = 5
            tar.addfile(member, io.BytesIO(b"hello"))
        self.s3.put_object(Bucket="data", Key="none/model.tar.gz", Body=archive.getvalue())
        self.make_model("none", "s3://data/none/model.tar.gz")
        endpoint = self.deploy("broken", [("v", "none", 1)])
        self.assertEqual(endpoint["EndpointStatus"], "Failed")
        self.assertIn("did not pass the ping health check", endpoint["FailureReason"])
        self.assertIn("Unable to load model", endpoint["FailureReason"])

    def transform(self, name, **more):
        request = {
            "TransformJobName": name, "ModelName": "m",
            "TransformInput": {"ContentType": "text/csv", "SplitType": "Line",
                               "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix",
                                                               "S3Uri": f"s3://data/{name}/"}}},
            "TransformOutput": {"S3OutputPath": "s3://data/answers", "AssembleWith": "Line",
                                "Accept": "text/csv"},
            "TransformResources": {"InstanceCount": 1, "InstanceType": "ml.m5.large"}}
        self.sagemaker.create_transform_job(**request | more)

        def done():
            job = self.sagemaker.describe_transform_job(TransformJobName=name)
            return job if job["TransformJobStatus"] in ("Completed", "Failed", "Stopped") else None

        return wait_for(done, 60, "the transform")

    def test_batches_are_answered_as_rows_are(self):
        rows = [f"id-{i},{row}" for i, row in enumerate(self.rows)]
        self.s3.put_object(Bucket="data", Key="batch/part.csv", Body="\n".join(rows))
        job = self.transform("batch", DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input",
                                                      "OutputFilter": "$[0,-1]"})
        self.assertEqual(job["TransformJobStatus"], "Completed", job.get("FailureReason"))
        out = self.s3.get_object(Bucket="data", Key="answers/part.csv.out")["Body"].read().decode()
        answers = self.ask("\n".join(self.rows))["Body"].read().decode().split()
        self.assertEqual(out.splitlines(), [f"id-{i},{a}" for i, a in enumerate(answers)])

    def test_a_bad_batch_says_where(self):
        self.s3.put_object(Bucket="data", Key="bad/part.csv", Body="1,x\n")
        job = self.transform("bad")
        self.assertEqual(job["TransformJobStatus"], "Failed")
        self.assertTrue(job["FailureReason"].startswith(
            "ClientError: See job logs for more information"), job["FailureReason"])

    def test_the_command_line_asks(self):
        rows = self.dir / "rows.csv"
        rows.write_text("\n".join(self.rows))
        out = clary("invoke", "e", rows, home=self.service.home).stdout
        self.assertEqual(out, self.ask("\n".join(self.rows))["Body"].read().decode())
        failed = clary("invoke", "nobody", rows, home=self.service.home, check=False)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("Endpoint nobody of account", failed.stderr)


if __name__ == "__main__":
    unittest.main()
