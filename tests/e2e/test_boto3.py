"""Training jobs through plain boto3: the whole story, bad input, stop, time limit, logs."""
import gzip
import io
import json
import pathlib
import socket
import tarfile
import unittest

import service
from botocore.exceptions import ClientError
from service import census


class Story(service.ServiceTest):
    def setUp(self):
        super().setUp()
        self.logs = self.service.boto("logs")

    def create(self, name, **overrides):
        return self.sagemaker.create_training_job(**self.service.request(name, **overrides))

    def put(self, key, body):
        self.s3.put_object(Bucket="data", Key=key, Body=body)

    def trained(self, name, body, content_type="csv", parameters=None, key="part"):
        """Trains on one file with these bytes; returns the job that has ended."""
        self.put(f"{name}/{key}", body)
        request = self.service.request(name)
        channel = request["InputDataConfig"][0]
        channel["ContentType"] = content_type
        channel["DataSource"]["S3DataSource"]["S3Uri"] = f"s3://data/{name}/"
        request["InputDataConfig"] = [channel]
        request["HyperParameters"] = request["HyperParameters"] | (parameters or {})
        self.sagemaker.create_training_job(**request)
        return self.service.wait(name)

    def failed(self, *args, **options):
        """As trained(), for a job that fails; returns its FailureReason."""
        job = self.trained(*args, **options)
        self.assertEqual(job["TrainingJobStatus"], "Failed", job.get("FailureReason"))
        return job["FailureReason"]

    def messages(self, name):
        streams = self.logs.describe_log_streams(
            logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=name + "/")["logStreams"]
        self.assertEqual(len(streams), 1)
        lines, token = [], None
        while True:
            more = {"nextToken": token} if token else {}
            page = self.logs.get_log_events(logGroupName="/aws/sagemaker/TrainingJobs",
                                            logStreamName=streams[0]["logStreamName"],
                                            startFromHead=True, **more)
            lines += [e["message"] for e in page["events"]]
            if page["nextForwardToken"] == token:
                return lines
            token = page["nextForwardToken"]

    def test_a_job_from_create_to_model(self):
        arn = self.create("whole-story")["TrainingJobArn"]
        self.assertTrue(arn.endswith(":training-job/whole-story"))
        job = self.service.wait("whole-story")
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
        self.assertEqual(job["TrainingJobArn"], arn)
        self.assertEqual(job["HyperParameters"], service.PARAMETERS)
        names = [t["Status"] for t in job["SecondaryStatusTransitions"]]
        names = [n for n in names if n != "Pending"]  # another test's job may hold the cores
        self.assertEqual(names, ["Starting", "Downloading", "Training", "Uploading", "Completed"])
        metrics = {m["MetricName"]: m["Value"] for m in job["FinalMetricDataList"]}
        self.assertLess(metrics["validation:logloss"], 0.36)

        uri = job["ModelArtifacts"]["S3ModelArtifacts"]
        self.assertEqual(uri, "s3://data/output/whole-story/output/model.tar.gz")
        body = self.s3.get_object(Bucket="data", Key=uri[len("s3://data/"):])["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            self.assertEqual(archive.getnames(), ["xgboost-model"])

        rounds = [m for m in self.messages("whole-story") if m.startswith("[9]")]
        self.assertEqual(len(rounds), 1)
        self.assertIn("#011validation-logloss:", rounds[0])

    def test_protection_that_is_not_given_is_told_in_the_log(self):
        request = self.service.request("not-protected")
        request["OutputDataConfig"]["KmsKeyId"] = "alias/mine"
        request["ResourceConfig"]["VolumeKmsKeyId"] = "alias/mine"
        request["VpcConfig"] = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
        request["EnableInterContainerTrafficEncryption"] = True
        self.sagemaker.create_training_job(**request)
        job = self.service.wait("not-protected")
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
        self.assertEqual(job["VpcConfig"], request["VpcConfig"])
        start = "[clary] NOTE: not provided on this machine: "
        told = [m[len(start):].split(":")[0] for m in self.messages("not-protected") if m.startswith(start)]
        self.assertEqual(told, ["OutputDataConfig.KmsKeyId", "ResourceConfig.VolumeKmsKeyId", "VpcConfig",
                                "EnableInterContainerTrafficEncryption"])
        self.create("protected")
        self.service.wait("protected")
        self.assertFalse([m for m in self.messages("protected") if m.startswith(start)])

    def test_what_is_not_obeyed_is_refused(self):
        for member, value, text in [
                ("MlflowConfig", {"MlflowResourceArn": "arn:aws:sagemaker:us-east-1:111122223333:mlflow-app/app-A"},
                 "MlflowConfig is not supported"),
                ("ModelPackageConfig", {"ModelPackageGroupArn":
                 "arn:aws:sagemaker:us-east-1:111122223333:model-package-group/g"},
                 "ModelPackageConfig is not supported")]:
            with self.assertRaises(ClientError) as refused:
                self.create("refused", **{member: value})
            self.assertEqual(refused.exception.response["Error"]["Code"], "ValidationException")
            self.assertIn(text, refused.exception.response["Error"]["Message"])
        with self.assertRaises(ClientError):
            self.sagemaker.describe_training_job(TrainingJobName="refused")

    def test_names_are_unique_and_lists_find_them(self):
        self.create("only-once")
        with self.assertRaises(ClientError) as again:
            self.create("only-once")
        self.assertEqual(again.exception.response["Error"]["Code"], "ResourceInUse")
        found = self.sagemaker.list_training_jobs(NameContains="only-once")
        self.assertEqual([j["TrainingJobName"] for j in found["TrainingJobSummaries"]],
                         ["only-once"])
        self.service.wait("only-once")

    def test_stop_keeps_the_model_so_far(self):
        self.create("stopped", HyperParameters=service.PARAMETERS | {
            "num_round": "100000", "save_model_on_termination": "true"})
        service.wait_for(lambda: self.has_round("stopped", "[3]"), what="round 3")
        self.sagemaker.stop_training_job(TrainingJobName="stopped")
        job = self.service.wait("stopped")
        self.assertEqual((job["TrainingJobStatus"], job["SecondaryStatus"]), ("Stopped", "Stopped"))
        self.s3.head_object(Bucket="data", Key="output/stopped/output/model.tar.gz")
        with self.assertRaises(ClientError) as again:
            self.sagemaker.stop_training_job(TrainingJobName="stopped")
        self.assertIn("is in status Stopped", str(again.exception))

    def has_round(self, name, text):
        try:
            return any(m.startswith(text) for m in self.messages(name))
        except (ClientError, AssertionError):
            return False  # no stream yet

    def test_a_deleted_job_is_gone_and_its_name_free(self):
        self.create("again", Tags=[{"Key": "team", "Value": "one"}])
        with self.assertRaises(self.sagemaker.exceptions.ResourceInUse):
            self.sagemaker.delete_training_job(TrainingJobName="again")
        arn = self.service.wait("again")["TrainingJobArn"]
        first = self.messages("again")
        self.sagemaker.delete_training_job(TrainingJobName="again")

        def gone():
            try:
                return self.sagemaker.describe_training_job(TrainingJobName="again")[
                    "TrainingJobStatus"] != "Deleting"
            except ClientError as error:
                self.assertIn("Requested resource not found", str(error))
                return True

        service.wait_for(gone)
        self.s3.head_object(Bucket="data", Key="output/again/output/model.tar.gz")
        self.create("again")
        job = self.service.wait("again")
        self.assertEqual(job["TrainingJobStatus"], "Completed")
        self.assertEqual(self.sagemaker.list_tags(ResourceArn=arn)["Tags"], [])
        self.assertEqual(len(self.messages("again")), len(first))

    def test_an_update_shows_at_once(self):
        self.create("updated", HyperParameters=service.PARAMETERS | {"num_round": "100000"})
        arn = self.sagemaker.update_training_job(
            TrainingJobName="updated", ProfilerConfig={"DisableProfiler": True})["TrainingJobArn"]
        job = self.sagemaker.describe_training_job(TrainingJobName="updated")
        self.assertEqual((job["TrainingJobArn"], job["ProfilingStatus"]), (arn, "Disabled"))
        self.sagemaker.stop_training_job(TrainingJobName="updated")
        self.assertEqual(self.service.wait("updated")["TrainingJobStatus"], "Stopped")
        with self.assertRaisesRegex(ClientError, "job is in status Stopped"):
            self.sagemaker.update_training_job(TrainingJobName="updated",
                                               ProfilerConfig={"DisableProfiler": False})

    def test_the_time_limit_stops_a_job(self):
        self.create("too-long", StoppingCondition={"MaxRuntimeInSeconds": 1},
                    HyperParameters=service.PARAMETERS | {"num_round": "100000"})
        job = self.service.wait("too-long")
        self.assertEqual((job["TrainingJobStatus"], job["SecondaryStatus"]),
                         ("Stopped", "MaxRuntimeExceeded"))
        self.assertNotIn("FailureReason", job)

    def test_data_that_cannot_be_read_names_file_row_and_column(self):
        ragged = self.failed("ragged", b"1,2,3\n0,1,2\n1,2\n")
        self.assertIn("part", ragged)
        self.assertRegex(ragged, r"(?i)(row|line) 3")
        text = self.failed("text", b"1,2,3\n0,x,2\n")
        self.assertIn("part", text)
        self.assertRegex(text, r"(?i)(row|line) 2")
        self.assertRegex(text, r"(?i)column 2")
        self.assertIn("train", self.failed("empty", b""))
        svm = self.failed("svm", b"1 1:2 3:4\n0 1:x\n", "libsvm")
        self.assertRegex(svm, r"(?i)(row|line) 2")
        for reason in (ragged, text, svm):
            self.assertTrue(reason.startswith("ClientError") or
                            reason.startswith("AlgorithmError"), reason)
            self.assertLessEqual(len(reason), 1024)

    def test_labels_out_of_range(self):
        reason = self.failed("labels", b"1,2\n5,3\n")
        self.assertIn("label", reason.lower())
        reason = self.failed("classes", b"1,2\n7,3\n",
                             parameters={"objective": "multi:softmax", "num_class": "3"})
        self.assertIn("label", reason.lower())

    def test_wrong_hyperparameters_say_which(self):
        self.assertIn("eta", self.failed("eta", b"1,2\n0,3\n", parameters={"eta": "7"}))
        self.assertIn("no_such", self.failed("unknown", b"1,2\n0,3\n",
                                             parameters={"no_such": "1"}))

    def test_a_column_without_a_value(self):
        job = self.trained("missing", b"".join(b"%d,,%d\n" % (i % 2, i) for i in range(200)))
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
        log = self.messages("missing")
        self.assertTrue([m for m in log if "column 2 is missing in all 200 rows" in m], log)

    def model(self, name):
        body = self.s3.get_object(Bucket="data", Key=f"output/{name}/output/model.tar.gz")["Body"]
        with tarfile.open(fileobj=io.BytesIO(body.read())) as archive:
            return {m.name: archive.extractfile(m).read() for m in archive.getmembers()}

    def test_every_input_mode_trains_the_same_model(self):
        rows = b"".join(b"%d,%d,%d\n" % (i * 7 % 10 < 4, i * 7 % 10, i % 13) for i in range(500))
        self.put("modes/plain/a.csv", rows)
        self.put("modes/gzip/a.csv.gz", gzip.compress(rows[:2000]))
        self.put("modes/gzip/b.csv.gz", gzip.compress(rows[2000:]))
        models = []
        for mode, folder, more in (("File", "plain", {}), ("FastFile", "plain", {}),
                                   ("Pipe", "plain", {}),
                                   ("Pipe", "gzip", {"CompressionType": "Gzip"})):
            name = f"mode-{mode}-{folder}"
            request = self.service.request(name)
            channel = request["InputDataConfig"][0] | {"InputMode": mode} | more
            channel["DataSource"]["S3DataSource"]["S3Uri"] = f"s3://data/modes/{folder}/"
            request["InputDataConfig"] = [channel]
            self.sagemaker.create_training_job(**request)
            job = self.service.wait(name)
            self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
            models.append(self.model(name))
        for model in models[1:]:
            self.assertEqual(model, models[0])

    def test_parquet_in_folds(self):
        golden = pathlib.Path(__file__).parents[1] / "golden" / "parquet"
        self.put("parquet/a.parquet", (golden / "v1_snappy.parquet").read_bytes())
        self.put("parquet/b.parquet", (golden / "v2_zstd.parquet").read_bytes())
        request = self.service.request("folds", HyperParameters={
            "objective": "binary:logistic", "num_round": "3", "_kfold": "3",
            "eval_metric": "logloss"})
        channel = request["InputDataConfig"][0] | {"ContentType": "application/x-parquet"}
        channel["DataSource"]["S3DataSource"]["S3Uri"] = "s3://data/parquet/"
        request["InputDataConfig"] = [channel]
        self.sagemaker.create_training_job(**request)
        job = self.service.wait("folds")
        self.assertEqual(job["TrainingJobStatus"], "Completed", job.get("FailureReason"))
        self.assertEqual(sorted(self.model("folds")), [f"xgboost-model-{i}" for i in range(3)])
        means = [m for m in self.messages("folds") if m.startswith("[3]#011train-logloss:")]
        self.assertEqual(len(means), 1)
        body = self.s3.get_object(Bucket="data", Key="output/folds/output/output.tar.gz")["Body"]
        with tarfile.open(fileobj=io.BytesIO(body.read())) as archive:
            lines = archive.extractfile("predictions.csv").read().splitlines()
        self.assertEqual(len(lines), 600)
        text = (golden / "text.parquet").read_bytes()
        reason = self.failed("text-column", text, "parquet", key="t.parquet")
        self.assertIn("t.parquet: column 3 ('name') holds text", reason)

    def test_requests_that_are_refused(self):
        cases = (
            ("bad name!", {}, "trainingJobName"),
            ("no-data", {"bucket": "data", "channels": ["nothing-here"]}, "No S3 objects found"),
            ("no-bucket", {"bucket": "not-a-bucket"}, "No S3 objects found"),
            ("no-image", {"AlgorithmSpecification": {"TrainingImage": "who/knows:1",
                                                     "TrainingInputMode": "File"}}, "xgboost"),
        )
        for name, overrides, message in cases:
            with self.assertRaises(ClientError) as refused:
                self.create(name, **overrides)
            error = refused.exception.response["Error"]
            self.assertEqual(error["Code"], "ValidationException", name)
            self.assertIn(message, error["Message"])
            with self.assertRaises(ClientError):
                self.sagemaker.describe_training_job(TrainingJobName="no-data")

    def raw(self, data, half_close=False):
        """Sends bytes, returns the answer's."""
        host, port = self.service.endpoint.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as s:
            try:
                s.sendall(data)
                if half_close:
                    s.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # refused before all was sent
            answer = b""
            try:
                while chunk := s.recv(65536):
                    answer += chunk
                    if b"\r\n\r\n" in answer:
                        break
            except ConnectionError:
                pass
            return answer

    def test_bytes_that_are_no_request_get_an_error_and_harm_nothing(self):
        head = b"POST / HTTP/1.1\r\nHost: h\r\n"
        target = head + b"X-Amz-Target: SageMaker.CreateTrainingJob\r\n"
        self.assertIn(b" 400", self.raw(b"nonsense\r\n\r\n").split(b"\r\n")[0])
        self.assertIn(b" 431", self.raw(head + b"X: " + b"x" * 200_000 + b"\r\n\r\n").split(b"\r\n")[0])
        for body in (b"{", b"[]", b"{\"TrainingJobName\": 3}"):
            line = self.raw(target + b"Content-Length: %d\r\n\r\n" % len(body) + body).split(b"\r\n")[0]
            self.assertRegex(line, rb" 4\d\d")
        self.raw(target + b"Content-Length: 1000\r\n\r\nhalf", half_close=True)
        self.assertRegex(self.raw(target + b"Content-Length: 99999999999\r\n\r\n").split(b"\r\n")[0],
                         rb" 4\d\d")
        self.sagemaker.list_training_jobs()

    def test_json_of_the_wrong_shape(self):
        from botocore.awsrequest import AWSRequest
        from botocore.auth import SigV4Auth
        from botocore.credentials import Credentials
        import urllib.error
        import urllib.request
        keys = self.service.credentials
        for body, code in ((b"{", "SerializationException"), (b"[1]", "SerializationException"),
                           (b'{"TrainingJobName": 3}', "SerializationException"),
                           (b"{}", "ValidationException"),
                           (b'{"TrainingJobName": "' + b"x" * 5_000_000 + b'"}', None)):
            request = AWSRequest("POST", self.service.endpoint + "/", data=body, headers={
                "X-Amz-Target": "SageMaker.CreateTrainingJob",
                "Content-Type": "application/x-amz-json-1.1"})
            SigV4Auth(Credentials(keys["access_key_id"], keys["secret_access_key"]), "sagemaker",
                      keys["region"]).add_auth(request)
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with self.assertRaises(urllib.error.HTTPError) as refused:
                opener.open(urllib.request.Request(self.service.endpoint + "/", body,
                                                   dict(request.headers.items())), timeout=20)
            self.assertIn(refused.exception.code, (400, 413))
            if code:
                self.assertEqual(json.loads(refused.exception.read())["__type"].split("#")[-1], code)

    def test_a_gzip_file_that_is_cut_off(self):
        packed = gzip.compress(census("train"))[:20_000]
        reason = self.failed("cut", packed, "csv", key="part.csv.gz")
        self.assertIn("part.csv.gz", reason)


if __name__ == "__main__":
    unittest.main()
