"""STS, IAM, Logs, CloudWatch and SageMaker as boto3 speaks them, over the endpoint and through the
CONNECT front.

    python fronts_compat.py CLARY        starts `CLARY serve` on a fresh home

Ends with an AssertionError at the first thing that is not as expected.
"""

import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import ClientError

TRUST = json.dumps({"Version": "2012-10-17", "Statement": {
    "Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}})
CSV = b"1,2,3\n0,1,2\n" * 50
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"


def code(call, *args, **kwargs):
    """The error code and status of a call that must fail, at once and with a request id."""
    try:
        call(*args, **kwargs)
    except ClientError as e:
        meta = e.response["ResponseMetadata"]
        assert meta["RetryAttempts"] == 0, e
        headers = meta["HTTPHeaders"]
        assert "x-amzn-requestid" in headers or "x-amz-request-id" in headers, headers
        return e.response["Error"]["Code"], meta["HTTPStatusCode"]
    raise AssertionError("no error")


def identity():
    sts, iam = boto3.client("sts"), boto3.client("iam")
    me = sts.get_caller_identity()
    role = iam.get_role(RoleName=me["Arn"].split("/")[1])["Role"]
    assert me["Arn"].startswith(f"arn:aws:sts::{me['Account']}:assumed-role/"), me
    assert "sagemaker.amazonaws.com" in json.dumps(role["AssumeRolePolicyDocument"]), role
    # The Python SDK insists on the real host name.
    real = boto3.client("sts", endpoint_url="https://sts.us-east-1.amazonaws.com")
    assert real.get_caller_identity()["Arn"] == me["Arn"]
    assert code(iam.get_role, RoleName="None") == ("NoSuchEntity", 404)
    iam.create_role(RoleName="X", AssumeRolePolicyDocument=TRUST, Path="/service-role/")
    assert code(iam.create_role, RoleName="X", AssumeRolePolicyDocument=TRUST) == (
        "EntityAlreadyExists", 409)
    allowed = iam.simulate_principal_policy(
        PolicySourceArn=role["Arn"], ActionNames=["s3:GetObject", "iam:PassRole"])
    assert [r["EvalDecision"] for r in allowed["EvaluationResults"]] == ["allowed"] * 2
    assert code(iam.list_users)[1] == 400
    return me, role["Arn"]


def keys(role):
    iam, sts = boto3.client("iam"), boto3.client("sts")
    key = iam.create_access_key()["AccessKey"]
    other = boto3.client("sts", aws_access_key_id=key["AccessKeyId"],
                         aws_secret_access_key=key["SecretAccessKey"])
    assert other.get_caller_identity()["Account"]
    assert len(iam.list_access_keys()["AccessKeyMetadata"]) == 2
    iam.delete_access_key(AccessKeyId=key["AccessKeyId"])
    assert code(other.get_caller_identity) == ("InvalidClientTokenId", 403)

    temporary = sts.assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    pair = temporary["AccessKeyId"], temporary["SecretAccessKey"]
    session = boto3.Session(*pair, temporary["SessionToken"])
    assert session.client("sts").get_caller_identity()["Arn"].endswith("/me")
    assert session.client("s3").list_buckets()["Buckets"] == []
    forged = boto3.Session(*pair, "forged")
    assert code(forged.client("s3").list_buckets) == ("InvalidToken", 400)
    assert code(forged.client("sagemaker").list_training_jobs) == (
        "UnrecognizedClientException", 400)


def refusals():
    calls = {
        "s3": ("list_buckets", ("InvalidAccessKeyId", 403), ("SignatureDoesNotMatch", 403),
               ("AccessDenied", 403)),
        "sts": ("get_caller_identity", ("InvalidClientTokenId", 403),
                ("SignatureDoesNotMatch", 403), ("MissingAuthenticationToken", 403)),
    }
    for service, call in (("sagemaker", "list_training_jobs"), ("logs", "describe_log_groups"),
                          ("cloudwatch", "list_metrics")):
        calls[service] = (call, ("UnrecognizedClientException", 400),
                          ("InvalidSignatureException", 400),
                          ("MissingAuthenticationTokenException", 400))
    mine = os.environ["AWS_ACCESS_KEY_ID"]
    unsigned = Config(signature_version=botocore.UNSIGNED)
    for service, (call, unknown, wrong, missing) in calls.items():
        for client, want in (
                (boto3.Session("AKIANONE", "x").client(service), unknown),
                (boto3.Session(mine, "x").client(service), wrong),
                (boto3.client(service, config=unsigned), missing)):
            got = code(getattr(client, call))
            # CloudWatch over Query has STS's words.
            assert got == want or (service == "cloudwatch" and got[1] in (400, 403)), (service, got)


def job(role):
    s3, sm, logs = boto3.client("s3"), boto3.client("sagemaker"), boto3.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    assert code(logs.describe_log_streams, logGroupName=group) == ("ResourceNotFoundException", 400)
    s3.create_bucket(Bucket="data")
    s3.put_object(Bucket="data", Key="train/a.csv", Body=CSV)
    sm.create_training_job(
        TrainingJobName="job", RoleArn=role,
        AlgorithmSpecification={"TrainingInputMode": "File", "TrainingImage": IMAGE},
        InputDataConfig=[{"ChannelName": "train", "ContentType": "csv", "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/train/"}}}],
        OutputDataConfig={"S3OutputPath": "s3://data/out"},
        ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
        HyperParameters={"num_round": "4", "objective": "binary:logistic"})
    token, lines, stream = {}, [], None
    for _ in range(600):
        ended = sm.describe_training_job(TrainingJobName="job")["TrainingJobStatus"] != "InProgress"
        try:
            found = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="job/",
                                              orderBy="LogStreamName", limit=1)
            assert "nextToken" not in found
            stream = found["logStreams"][0]["logStreamName"] if found["logStreams"] else None
        except logs.exceptions.ResourceNotFoundException:
            pass
        while stream:
            page = logs.get_log_events(logGroupName=group, logStreamName=stream, limit=3,
                                       startFromHead=True, **token)
            token = {"nextToken": page["nextForwardToken"]}
            lines += [e["message"] for e in page["events"]]
            if not page["events"]:
                break
        if ended:
            break
        time.sleep(0.1)
    described = sm.describe_training_job(TrainingJobName="job")
    assert described["TrainingJobStatus"] == "Completed", described
    rounds = [line for line in lines if "#011train-logloss:" in line]
    assert [r.split("]")[0] for r in rounds] == ["[0", "[1", "[2", "[3"], lines
    filtered = logs.filter_log_events(logGroupName=group, logStreamNamePrefix="job/",
                                      filterPattern="train-logloss")["events"]
    assert [e["message"] for e in filtered] == rounds

    cloudwatch = boto3.client("cloudwatch")
    assert [m["MetricName"] for m in cloudwatch.list_metrics(Namespace=group)["Metrics"]] == [
        "train:logloss"]
    now = datetime.datetime.now(datetime.timezone.utc)
    points = cloudwatch.get_metric_statistics(
        Namespace=group, MetricName="train:logloss",
        Dimensions=[{"Name": "TrainingJobName", "Value": "job"}], Period=60,
        StartTime=now - datetime.timedelta(hours=1), EndTime=now + datetime.timedelta(hours=1),
        Statistics=["Minimum", "SampleCount"])["Datapoints"]
    assert sum(p["SampleCount"] for p in points) == 4, points
    last = float(rounds[-1].split(":")[-1])
    assert abs(min(p["Minimum"] for p in points) - last) < 1e-9, (points, last)


def main():
    clary = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder) / "home"
        serve = subprocess.Popen([clary, "--home", home, "serve", "--port", "0", "-q"])
        try:
            for _ in range(500):
                if (home / "service.json").exists():
                    break
                time.sleep(0.02)
            printed = subprocess.run([clary, "--home", home, "env"], check=True,
                                     capture_output=True, text=True).stdout
            shell = subprocess.run(["bash", "-c", printed + "\nenv -0"], check=True,
                                   capture_output=True, text=True).stdout
            os.environ.update(v.split("=", 1) for v in shell.split("\0") if "=" in v)
            me, role = identity()
            keys(role)
            refusals()
            telemetry = "https://sm-pysdk-t-us-east-1.s3.us-east-1.amazonaws.com/telemetry?x=1"
            assert urllib.request.urlopen(telemetry).status == 200
            secure = boto3.client("s3", endpoint_url="https://s3.us-east-1.amazonaws.com")
            assert secure.list_buckets()["Buckets"] == []
            job(role)
            print("ok:", me["Arn"])
        finally:
            serve.terminate()
            serve.wait()


if __name__ == "__main__":
    main()
