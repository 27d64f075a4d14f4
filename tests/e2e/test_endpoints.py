"""Models, endpoints, transforms and the registry, by SageMaker SDK v2 and boto3 as they are."""
import os
import signal
import subprocess
import textwrap
import unittest

import service
from service import census, clary, wait_for


class Endpoints(service.ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service.boto("sagemaker").create_training_job(**cls.service.request("census"))
        assert cls.service.wait("census")["TrainingJobStatus"] == "Completed"
        rows = census("validation").splitlines()[:100]  # the label first
        (cls.dir / "rows.csv").write_bytes(b"".join(row.split(b",", 1)[1] + b"\n" for row in rows))

    @classmethod
    def run_python(cls, program, *options):
        return subprocess.run(
            [service.CLARY, "exec", "--quick", "--", "python", "-c", textwrap.dedent(program), *options],
            cwd=cls.dir, capture_output=True, text=True, timeout=300,
            env={"PATH": os.environ["PATH"], "HOME": str(cls.dir), "CLARY_HOME": str(cls.service.home)})

    def run_sdk(self, program):
        done = self.run_python("""
            import boto3, time
            from sagemaker import Session, get_execution_role
            from sagemaker.estimator import Estimator
            from sagemaker.serializers import CSVSerializer
            session = Session()
            sm = boto3.client("sagemaker")
            def say(*words):
                print("\\n@", *words)  # the SDK prints dots without an end
            """ + program)
        self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-3000:])
        return [line[2:] for line in done.stdout.splitlines() if line.startswith("@ ")]

    def test_deploy_update_delete(self):
        out = self.run_sdk("""
            def count(kind):
                return len(getattr(sm, "list_" + kind.lower())(MaxResults=100)[kind])
            endpoints, models = count("Endpoints"), count("Models")
            xgb = Estimator.attach("census")
            begin = time.monotonic()
            predictor = xgb.deploy(1, "ml.m5.large", endpoint_name="sdk", serializer=CSVSerializer())
            say("deployed", time.monotonic() - begin < 5)
            say(sm.describe_endpoint(EndpointName="sdk")["EndpointStatus"])
            row = open("rows.csv").readline().strip()
            before = predictor.predict(row)
            say(0 < float(before) < 1)
            predictor.update_endpoint(initial_instance_count=2, instance_type="ml.m5.large")
            described = sm.describe_endpoint(EndpointName="sdk")
            say(described["EndpointStatus"], described["ProductionVariants"][0]["CurrentInstanceCount"])
            say(predictor.predict(row) == before)
            predictor.delete_model()
            predictor.delete_endpoint()  # and its configuration, before it
            say(count("Endpoints") - endpoints, count("Models") - models)
            """)
        self.assertEqual(out, ["deployed True", "InService", "True", "InService 2", "True", "0 0"])

    def test_transformer(self):
        out = self.run_sdk("""
            xgb = Estimator.attach("census")
            data = session.upload_data("rows.csv", key_prefix="batch")
            transformer = xgb.transformer(1, "ml.m5.large", assemble_with="Line", accept="text/csv",
                                          output_path="s3://data/transformed")
            transformer.transform(data, content_type="text/csv", split_type="Line", job_name="batch",
                                  wait=True, logs=False)
            say(sm.describe_transform_job(TransformJobName="batch")["TransformJobStatus"])
            """)
        self.assertEqual(out, ["Completed"])
        body = self.s3.get_object(Bucket="data", Key="transformed/rows.csv.out")["Body"].read()
        self.assertEqual(len(body.split()), len((self.dir / "rows.csv").read_bytes().splitlines()))

    def test_register_approve_deploy(self):
        out = self.run_sdk("""
            xgb = Estimator.attach("census")
            package = xgb.register(["text/csv"], ["text/csv"], ["ml.m5.large"], ["ml.m5.large"],
                                   model_package_group_name="grp")
            say(package.model_package_arn.rsplit("/", 2)[1:])
            newest = sm.list_model_packages(ModelPackageGroupName="grp")["ModelPackageSummaryList"][0]
            say(newest["ModelApprovalStatus"])
            package.role = get_execution_role()
            package.deploy(1, "ml.m5.large", endpoint_name="registered")  # approves it first
            say(sm.describe_endpoint(EndpointName="registered")["EndpointStatus"])
            say(sm.describe_model_package(ModelPackageName=package.model_package_arn)["ModelApprovalStatus"])
            session.delete_endpoint("registered")
            """)
        self.assertEqual(out, ["['grp', '1']", "PendingManualApproval", "InService", "Approved"])

    def test_boto3_waiters_and_a_death(self):
        sm = self.sagemaker
        job = sm.describe_training_job(TrainingJobName="census")
        sm.create_model(ModelName="m", ExecutionRoleArn=job["RoleArn"], PrimaryContainer={
            "Image": service.IMAGE, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]})
        sm.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[
            {"VariantName": "A", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}])
        sm.create_endpoint(EndpointName="boto", EndpointConfigName="c")
        sm.get_waiter("endpoint_in_service").wait(EndpointName="boto")

        def servers():
            return subprocess.run(["pgrep", "-f", f"model-server {self.service.home}"],
                                  capture_output=True, text=True).stdout.split()
        first = servers()
        self.assertTrue(first)
        for pid in first:
            os.kill(int(pid), signal.SIGKILL)
        wait_for(lambda: servers() and not set(servers()) & set(first), 10, "another server")
        self.assertEqual(sm.describe_endpoint(EndpointName="boto")["EndpointStatus"], "InService")

        sm.delete_endpoint(EndpointName="boto")
        sm.get_waiter("endpoint_deleted").wait(EndpointName="boto")
        wait_for(lambda: not servers(), 40, "the end of the servers")

    def test_command_line(self):
        home = self.service.home
        self.assertIn("endpoint cli", clary("deploy", "census", "--name", "cli", home=home).stdout)
        self.assertIn("InService", clary("endpoints", home=home).stdout)
        self.assertIn("model.tar.gz", clary("models", home=home).stdout)
        self.assertIn("InService", clary("deploy", "census", "--name", "cli", "--instances", "2", home=home).stdout)
        self.assertIn("AllTraffic x 2", clary("endpoints", home=home).stdout)
        clary("endpoints", "--delete", "cli", home=home)
        gone = clary("endpoints", "--delete", "cli", home=home, check=False)
        self.assertEqual(gone.returncode, 1)
        self.assertIn("there is no endpoint 'cli'", gone.stderr)


if __name__ == "__main__":
    unittest.main()
