"""What endpoints do beside answering at once: queues, shadows, components, scaling, and as people meet them."""
import datetime
import json
import os
import pathlib
import signal
import subprocess
import textwrap
import unittest

import service
from botocore.exceptions import ClientError
from service import census, census_rows, clary, wait_for


class Runtime(service.ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sagemaker = cls.service.boto("sagemaker")
        cls.sagemaker.create_training_job(**cls.service.request("trained"))
        job = cls.service.wait("trained")
        cls.model_data = job["ModelArtifacts"]["S3ModelArtifacts"]
        _, rows = census_rows("validation")
        cls.rows = [",".join(f"{x:g}" for x in row) for row in rows[:50]]
        cls.role = cls.service.credentials["role_arn"]
        cls.make_model("m")
        cls.make_model("labels", SAGEMAKER_INFERENCE_OUTPUT="predicted_label")
        cls.create("plain", ProductionVariants=[cls.variant("v")])

    @classmethod
    def make_model(cls, name, **environment):
        cls.service.boto("sagemaker").create_model(
            ModelName=name, ExecutionRoleArn=cls.role,
            PrimaryContainer={"Image": service.IMAGE, "ModelDataUrl": cls.model_data,
                              "Environment": environment})

    @staticmethod
    def variant(name, model="m", **more):
        return {"VariantName": name, "ModelName": model, "InitialInstanceCount": 1,
                "InstanceType": "ml.m5.large"} | more

    @classmethod
    def create(cls, name, **config):
        sagemaker = cls.service.boto("sagemaker")
        sagemaker.create_endpoint_config(EndpointConfigName=name, **config)
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        return cls.settled(name)

    @classmethod
    def settled(cls, name):
        sagemaker = cls.service.boto("sagemaker")

        def done():
            endpoint = sagemaker.describe_endpoint(EndpointName=name)
            return endpoint if endpoint["EndpointStatus"] not in ("Creating", "Updating") else None

        endpoint = wait_for(done, 30, "the endpoint")
        assert endpoint["EndpointStatus"] == "InService", endpoint
        return endpoint

    def setUp(self):
        super().setUp()
        self.runtime = self.service.boto("sagemaker-runtime")

    def object(self, uri):
        bucket, key = uri.removeprefix("s3://").split("/", 1)

        def there():
            try:
                return self.s3.get_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if error.response["Error"]["Code"] not in ("NoSuchKey", "404"):
                    raise
                return None

        return wait_for(there, 30, uri)

    def answer(self, endpoint="plain", **more):
        return self.runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv",
                                            Body=self.rows[0], **more)["Body"].read()

    def make_async(self, name, **more):
        self.create(name, ProductionVariants=[self.variant("v")], AsyncInferenceConfig={
            "OutputConfig": {"S3OutputPath": f"s3://data/{name}", "S3FailurePath": f"s3://data/{name}-failed"},
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 2}} | more)

    def test_an_asynchronous_endpoint_answers_with_objects(self):
        self.make_async("queued")
        self.s3.put_object(Bucket="data", Key="in/rows.csv", Body=self.rows[0], ContentType="text/csv")
        taken = self.runtime.invoke_endpoint_async(
            EndpointName="queued", InputLocation="s3://data/in/rows.csv", InferenceId="one")
        self.assertEqual(taken["InferenceId"], "one")
        self.assertEqual(taken["ResponseMetadata"]["HTTPStatusCode"], 202)
        self.assertEqual(taken["OutputLocation"], "s3://data/queued/one.out")
        answer = self.object(taken["OutputLocation"])
        self.assertEqual(answer["Body"].read(), self.answer())
        self.assertEqual(answer["ContentType"], "text/csv; charset=utf-8")
        self.s3.put_object(Bucket="data", Key="in/bad.csv", Body="1,x", ContentType="text/csv")
        failed = self.runtime.invoke_endpoint_async(
            EndpointName="queued", InputLocation="s3://data/in/bad.csv")
        self.assertIn(b"could not convert", self.object(failed["FailureLocation"])["Body"].read())
        with self.assertRaises(ClientError) as refused:
            self.answer("queued")
        self.assertIn("asynchronous", refused.exception.response["Error"]["Message"])
        with self.assertRaises(ClientError) as refused:
            self.runtime.invoke_endpoint_async(EndpointName="plain", InputLocation="s3://data/in/rows.csv")
        self.assertIn("not asynchronous", refused.exception.response["Error"]["Message"])

    def test_requests_wait_for_an_instance_and_survive_a_kill(self):
        self.make_async("kept")
        scale = {"VariantName": "v", "DesiredInstanceCount": 0}
        self.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName="kept", DesiredWeightsAndCapacities=[scale])
        self.settled("kept")
        self.s3.put_object(Bucket="data", Key="in/kept.csv", Body=self.rows[0], ContentType="text/csv")
        taken = [self.runtime.invoke_endpoint_async(EndpointName="kept", InputLocation="s3://data/in/kept.csv")
                 for _ in range(5)]
        self.service.kill()
        self.service.start()
        self.setUp()
        self.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName="kept", DesiredWeightsAndCapacities=[scale | {"DesiredInstanceCount": 1}])
        right = self.answer()
        for one in taken:
            self.assertEqual(self.object(one["OutputLocation"])["Body"].read(), right)

    def test_a_shadow_is_captured_and_told_to_nobody(self):
        endpoint = self.create("shadowed", ProductionVariants=[self.variant("p")],
                               ShadowProductionVariants=[self.variant("s", "labels", InitialVariantWeight=1)],
                               DataCaptureConfig={
                                   "EnableCapture": True, "InitialSamplingPercentage": 100,
                                   "DestinationS3Uri": "s3://data/captured",
                                   "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
                                   "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]}})
        self.assertEqual([v["VariantName"] for v in endpoint["ShadowProductionVariants"]], ["s"])
        self.assertEqual(self.answer("shadowed"), self.answer())

        def captured():
            found = self.s3.list_objects_v2(Bucket="data", Prefix="captured/shadowed/s/").get("Contents")
            return found and self.s3.get_object(Bucket="data", Key=found[0]["Key"])["Body"].read()

        record = json.loads(wait_for(captured, 20, "the shadow's record").splitlines()[0])
        self.assertEqual(record["captureData"]["endpointInput"]["data"], self.rows[0])
        self.assertIn(record["captureData"]["endpointOutput"]["data"].strip(), ("0", "1"))

    def test_components_share_an_endpoint(self):
        self.create("hosts", ExecutionRoleArn=self.role, ProductionVariants=[
            {"VariantName": "AllTraffic", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}])
        needs = {"MinMemoryRequiredInMb": 128, "NumberOfCpuCoresRequired": 1}
        for name, model in (("probabilities", "m"), ("classes", "labels")):
            self.sagemaker.create_inference_component(
                InferenceComponentName=name, EndpointName="hosts", VariantName="AllTraffic",
                Specification={"ModelName": model, "ComputeResourceRequirements": needs},
                RuntimeConfig={"CopyCount": 1})

            def in_service(name=name):
                found = self.sagemaker.describe_inference_component(InferenceComponentName=name)
                return found["InferenceComponentStatus"] == "InService"

            wait_for(in_service, 30, name)
        self.assertEqual(self.answer("hosts", InferenceComponentName="probabilities"), self.answer())
        self.assertIn(self.answer("hosts", InferenceComponentName="classes").strip(), (b"0", b"1"))
        with self.assertRaises(ClientError) as refused:
            self.answer("hosts")
        self.assertIn("Inference Component Name header is required",
                      refused.exception.response["Error"]["Message"])
        self.sagemaker.update_inference_component_runtime_config(
            InferenceComponentName="classes", DesiredRuntimeConfig={"CopyCount": 0})

        def empty():
            found = self.sagemaker.describe_inference_component(InferenceComponentName="classes")
            return found["RuntimeConfig"]["CurrentCopyCount"] == 0

        wait_for(empty, 30, "no copy")
        with self.assertRaises(ClientError) as refused:
            self.answer("hosts", InferenceComponentName="classes")
        self.assertEqual(refused.exception.response["ResponseMetadata"]["HTTPStatusCode"], 503)
        for name in ("probabilities", "classes"):
            self.sagemaker.delete_inference_component(InferenceComponentName=name)
        self.sagemaker.delete_endpoint(EndpointName="hosts")

    def test_autoscaling_keeps_its_range(self):
        scaling = self.service.boto("application-autoscaling")
        self.create("scaled", ProductionVariants=[self.variant("v")])
        target = {"ServiceNamespace": "sagemaker", "ResourceId": "endpoint/scaled/variant/v",
                  "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
        scaling.register_scalable_target(**target, MinCapacity=2, MaxCapacity=4)
        scaling.put_scaling_policy(
            **target, PolicyName="p", PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": 70.0, "ScaleInCooldown": 300, "ScaleOutCooldown": 60,
                "PredefinedMetricSpecification": {
                    "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}})

        def raised():
            endpoint = self.sagemaker.describe_endpoint(EndpointName="scaled")
            return endpoint["ProductionVariants"][0]["DesiredInstanceCount"] == 2

        wait_for(raised, 30, "MinCapacity")
        activity = scaling.describe_scaling_activities(ServiceNamespace="sagemaker")["ScalingActivities"][0]
        self.assertEqual(activity["StatusCode"], "Successful")
        self.assertEqual(len(scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]), 1)
        scaling.delete_scaling_policy(**target, PolicyName="p")
        scaling.deregister_scalable_target(**target)
        self.assertEqual(scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"], [])

    def test_a_step_policy_acts_through_its_alarm(self):
        scaling, cloudwatch = self.service.boto("application-autoscaling"), self.service.boto("cloudwatch")
        self.create("stepped", ProductionVariants=[self.variant("v")])
        target = {"ServiceNamespace": "sagemaker", "ResourceId": "endpoint/stepped/variant/v",
                  "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
        scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
        steps = {"AdjustmentType": "ChangeInCapacity", "Cooldown": 60, "MetricAggregationType": "Maximum",
                 "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]}
        policy = scaling.put_scaling_policy(**target, PolicyName="up", PolicyType="StepScaling",
                                            StepScalingPolicyConfiguration=steps)["PolicyARN"]
        # A metric of one's own, of the minute before: so that nobody waits for one.
        now = datetime.datetime.now(datetime.timezone.utc)
        cloudwatch.put_metric_data(Namespace="queue", MetricData=[
            {"MetricName": "waiting", "Value": 9, "Timestamp": now - datetime.timedelta(minutes=minutes)} for minutes in (0, 1, 2)])
        cloudwatch.put_metric_alarm(
            AlarmName="long", Namespace="queue", MetricName="waiting", Statistic="Maximum", Period=60, EvaluationPeriods=1,
            Threshold=5, ComparisonOperator="GreaterThanThreshold", AlarmActions=[policy])
        described = scaling.describe_scaling_policies(ServiceNamespace="sagemaker", PolicyNames=["up"])["ScalingPolicies"][0]
        self.assertEqual(described["StepScalingPolicyConfiguration"], steps)
        self.assertEqual([alarm["AlarmName"] for alarm in described["Alarms"]], ["long"])

        def stepped():
            endpoint = self.sagemaker.describe_endpoint(EndpointName="stepped")
            return endpoint["ProductionVariants"][0]["DesiredInstanceCount"] == 2

        wait_for(stepped, 60, "the step")
        activities = scaling.describe_scaling_activities(ServiceNamespace="sagemaker", ResourceId=target["ResourceId"])
        self.assertEqual(activities["ScalingActivities"][0]["Cause"], "monitor alarm long triggered policy up")
        cloudwatch.delete_alarms(AlarmNames=["long"])
        scaling.delete_scaling_policy(**target, PolicyName="up")
        with self.assertRaises(scaling.exceptions.ObjectNotFoundException):
            scaling.delete_scaling_policy(**target, PolicyName="up")
        with self.assertRaises(scaling.exceptions.ValidationException) as refused:
            scaling.put_scheduled_action(**target, ScheduledActionName="s", Schedule="cron(0 9 * * ? *)", Timezone="Mars/Olympus",
                                         ScalableTargetAction={"MinCapacity": 2})
        self.assertIn("Mars/Olympus is not known", str(refused.exception))
        scaling.put_scheduled_action(**target, ScheduledActionName="s", Schedule="cron(0 9 * * ? *)", Timezone="Europe/Berlin",
                                     ScalableTargetAction={"MinCapacity": 2})
        scaling.deregister_scalable_target(**target)

    def test_an_alarm_rolls_an_update_back(self):
        cloudwatch = self.service.boto("cloudwatch")
        cloudwatch.put_metric_alarm(AlarmName="errors", Namespace="N", MetricName="M", Statistic="Sum", Period=60,
                                    EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold")
        self.create("guarded", ProductionVariants=[self.variant("v")])
        self.sagemaker.create_endpoint_config(EndpointConfigName="guarded-2", ProductionVariants=[
            self.variant("v", "labels")])
        self.sagemaker.update_endpoint(EndpointName="guarded", EndpointConfigName="guarded-2", DeploymentConfig={
            "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {
                "Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 3600}},
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}})
        cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="by hand")
        endpoint = self.settled("guarded")
        self.assertEqual(endpoint["EndpointConfigName"], "guarded")
        self.assertIn("The alarm errors", endpoint["FailureReason"])
        self.assertEqual(self.answer("guarded"), self.answer())

    def container(self, endpoint):
        """The process of the endpoint's container, the leaf below its model server."""
        for proc in pathlib.Path("/proc").iterdir():
            try:
                words = (proc / "cmdline").read_text("latin-1").split("\0")
                if not proc.name.isdigit() or "model-server" not in words \
                        or str(self.service.home) not in " ".join(words):
                    continue
                directory = pathlib.Path(words[words.index("model-server") + 1])
                spec = json.loads((directory / "server.json").read_text())
            except (OSError, ValueError):
                continue
            if spec["endpoint"] != endpoint:
                continue
            leaf = proc.name
            while children := pathlib.Path(f"/proc/{leaf}/task/{leaf}/children").read_text().split():
                leaf = children[0]
            return int(leaf)
        return None

    def test_a_hung_server_is_replaced(self):
        self.create("hung", ProductionVariants=[self.variant("v")])
        pid = wait_for(lambda: self.container("hung"), 10, "the container")
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: self.container("hung") not in (None, pid), 60, "another one")

        def answers():
            try:
                return self.answer("hung")
            except ClientError:
                return None

        self.assertEqual(wait_for(answers, 30, "an answer"), self.answer())

    def run_sdk(self, program):
        done = subprocess.run(
            [service.CLARY, "exec", "--quick", "--", "python", "-c", textwrap.dedent(program)],
            cwd=self.dir, capture_output=True, text=True, timeout=300,
            env={"PATH": os.environ["PATH"], "HOME": str(self.dir), "CLARY_HOME": str(self.service.home)})
        self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-3000:])
        return [line[2:] for line in done.stdout.splitlines() if line.startswith("@ ")]

    def test_the_sdks_async_predictor(self):
        out = self.run_sdk(f"""
            from sagemaker import Session
            from sagemaker.async_inference import AsyncInferenceConfig, WaiterConfig
            from sagemaker.estimator import Estimator
            from sagemaker.exceptions import AsyncInferenceModelError
            from sagemaker.serializers import CSVSerializer
            from sagemaker.deserializers import CSVDeserializer
            xgb = Estimator.attach("trained")
            predictor = xgb.deploy(1, "ml.m5.large", endpoint_name="sdk-async", serializer=CSVSerializer(),
                                   deserializer=CSVDeserializer(),
                                   async_inference_config=AsyncInferenceConfig(max_concurrent_invocations_per_instance=2))
            row = "{self.rows[0]}"
            waiter = WaiterConfig(max_attempts=200, delay=0.1)
            print("\\n@", predictor.predict(data=row, waiter_config=waiter)[0][0])
            response = predictor.predict_async(data=row)
            print("\\n@", response.get_result(waiter)[0][0])
            failed = predictor.predict_async(data="1,x")
            try:
                failed.get_result(waiter)
            except AsyncInferenceModelError as error:
                print("\\n@", "could not convert" in str(error))
            predictor.delete_endpoint()
            """)
        right = self.answer().decode().strip()
        self.assertEqual(out, [right, right, "True"])

    def test_train_and_serve_ends_with_lines_that_work(self):
        train = self.dir / "train.csv"
        train.write_bytes(census("train"))
        done = clary("train", "--train", train, "--objective", "binary:logistic", "--num-round", "5",
                     "--name", "served", "--serve", home=self.service.home)
        lines = done.stdout[done.stdout.index("\nNext:"):].splitlines()[2:]
        environment = {"PATH": os.path.dirname(service.CLARY) + ":" + os.environ["PATH"], "HOME": str(self.dir),
                       "CLARY_HOME": str(self.service.home)}
        asked = subprocess.run(["bash", "-ec", lines[0]], capture_output=True, text=True, env=environment)
        self.assertEqual(asked.returncode, 0, asked.stderr)
        self.assertTrue(0 < float(asked.stdout) < 1, asked.stdout)
        curl = subprocess.run(["bash", "-ec", "\n".join(lines[1:])], capture_output=True, text=True, env=environment)
        self.assertEqual(curl.stdout, asked.stdout, curl.stderr)
        again = clary("deploy", "served", "--env", "SAGEMAKER_INFERENCE_OUTPUT=predicted_label", home=self.service.home)
        self.assertIn("endpoint served InService", again.stdout)
        clary("endpoints", "--delete", "served", home=self.service.home)

    def test_a_table_is_served_too(self):
        table = self.dir / "people.csv"
        table.write_text("age,work,income\n" + "".join(
            f"{20 + i % 50},{'abc'[i % 3]},{'high' if i % 50 > 25 else 'low'}\n" for i in range(300)))
        done = clary("train", "--train", table, "--label", "income", "--num-round", "3", "--name", "people",
                     "--serve", "--json", home=self.service.home)
        self.assertEqual(json.loads(done.stdout)["endpoint"], "people")
        self.assertTrue(0 < float(self.runtime.invoke_endpoint(
            EndpointName="people", ContentType="text/csv", Body="20,0")["Body"].read()) < 1)

    def test_serve_needs_a_service(self):
        train = self.dir / "small.csv"
        train.write_text("1,2\n0,3\n")
        home = self.dir / "alone"
        done = clary("train", "--train", train, "--serve", home=home, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("clary serve", done.stderr)

    def test_transform_writes_files(self):
        rows = self.dir / "batch.csv"
        rows.write_text("\n".join(self.rows) + "\n")
        out = self.dir / "answers"
        clary("transform", "trained", rows, "--output", out, home=self.service.home)
        text = (out / "batch.csv.out").read_text()
        self.assertEqual(len(text.splitlines()), 50)
        self.assertEqual(text.splitlines()[0], self.answer().decode().strip())
        joined = clary("transform", "m", rows, "--output", "s3://data/joined", "--join", "--json",
                       home=self.service.home)
        self.assertEqual(json.loads(joined.stdout)["output"], "s3://data/joined")
        first = self.object("s3://data/joined/batch.csv.out")["Body"].read().decode().splitlines()[0]
        self.assertTrue(first.startswith(self.rows[0] + ","), first)
        rows.write_text("1,x\n")
        failed = clary("transform", "trained", rows, "--output", out, home=self.service.home, check=False)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("could not convert", failed.stderr)
        nobody = clary("transform", "nobody", rows, home=self.service.home, check=False)
        self.assertIn("There is no training job 'nobody'", nobody.stderr)


class InProcess(unittest.TestCase):
    """Models that answer in the service's process: the same bytes, and whatever is wrong is in the endpoint's log."""

    def test_the_same_answers(self):
        with service.Service() as running:
            sagemaker, runtime = running.boto("sagemaker"), running.boto("sagemaker-runtime")
            running.put_census()
            sagemaker.create_training_job(**running.request("trained"))
            job = running.wait("trained")
            sagemaker.create_model(ModelName="m", ExecutionRoleArn=job["RoleArn"], PrimaryContainer={
                "Image": service.IMAGE, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]})
            sagemaker.create_endpoint_config(EndpointConfigName="e", ProductionVariants=[Runtime.variant("v")])
            sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="e")
            sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="e", WaiterConfig={"Delay": 1})
            rows = "\n".join(",".join(f"{x:g}" for x in row) for row in census_rows("validation")[1][:50])

            def answers(client):
                return [client.invoke_endpoint(EndpointName="e", ContentType="text/csv", Accept=accept, Body=rows)["Body"].read()
                        for accept in ("text/csv", "application/json")]

            there = answers(runtime)
            running.stop()
            running.options = ("--answer-in-process",)
            running.start()
            runtime = running.boto("sagemaker-runtime")
            wait_for(lambda: running.boto("sagemaker").describe_endpoint(EndpointName="e")["EndpointStatus"] == "InService", 60)
            self.assertEqual(answers(runtime), there)
            self.assertIn("a model answers in this process", (running.home.parent / "serve.log").read_text())
            with self.assertRaises(ClientError) as wrong:
                runtime.invoke_endpoint(EndpointName="e", ContentType="text/csv", Body="1,2")
            self.assertEqual(wrong.exception.response["Error"]["Code"], "ModelError")
            logs = running.boto("logs")
            wait_for(lambda: any("400: Unable to evaluate payload" in event["message"] for event in logs.filter_log_events(
                logGroupName="/aws/sagemaker/Endpoints/e")["events"]), 60, "the reason in the endpoint's log")
            running.boto("sagemaker").delete_endpoint(EndpointName="e")


if __name__ == "__main__":
    unittest.main()
