"""Identity, logs, metrics, alarms and KMS through boto3, and a walk over botocore's models of these
services: every input member of every served operation is obeyed or accepted as docs/fronts.md says, or
refused by name."""
import datetime
import json
import re
import unittest

import service
from botocore.exceptions import ClientError

TRUST = json.dumps({"Version": "2012-10-17", "Statement": {
    "Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}})
MODELS = {"STS": "sts", "IAM": "iam", "CloudWatch Logs": "logs", "CloudWatch": "cloudwatch", "KMS": "kms",
          "Application Auto Scaling": "application-autoscaling"}


def refusal(call, **arguments):
    """Code and message of a call that must be refused."""
    try:
        call(**arguments)
    except ClientError as e:
        return e.response["Error"]["Code"], e.response["Error"]["Message"]
    raise AssertionError("no error")


def verdicts():
    """{service: {operation: paths of the members that docs/fronts.md accepts}}"""
    page, current = {}, None
    for line in (service.SOURCE / "docs/fronts.md").read_text().splitlines():
        if line.startswith("## "):
            current = page.setdefault(MODELS[line[3:]], {})
        elif current is not None and re.match(r"\| [A-Z]", line):
            _, operation, obeyed, harmless, _ = line.split("|")
            current[operation.strip()] = set(re.findall(r"`([^`]+)`", obeyed + harmless))
    return page


def sample(shape, depth=0):
    """A value of the shape, which need not be allowed."""
    kind = shape.type_name
    if kind == "structure":
        return {n: sample(m, depth + 1) for n, m in shape.members.items()} if depth < 3 else {}
    if kind == "list":
        return [sample(shape.member, depth + 1)]
    if kind == "map":
        return {"key": sample(shape.value, depth + 1)}
    return {"string": (getattr(shape, "enum", None) or ["x"])[0], "integer": 1, "long": 1, "double": 1.0,
            "float": 1.0, "boolean": True, "timestamp": datetime.datetime(2026, 1, 1), "blob": b"x"}[kind]


def paths(shape, seen=()):
    """Paths of all members below a structure, lists seen through, parents first."""
    while shape.type_name == "list":
        shape = shape.member
    if shape.type_name != "structure" or shape.name in seen:
        return
    for name, member in shape.members.items():
        yield (name,), member
        for path, below in paths(member, seen + (shape.name,)):
            yield (name, *path), below


def holding(shape, path):
    """A value of the shape with just the member at `path`."""
    if shape.type_name == "list":
        return [holding(shape.member, path)]
    if not path:
        return sample(shape)
    return {path[0]: holding(shape.members[path[0]], path[1:])}


def accepted(listed, path):
    """Whether the table accepts a path: itself, or a parent of which it lists no part."""
    for n in range(len(path), 0, -1):
        at = ".".join(path[:n])
        if at in listed:
            return n == len(path) or not any(other.startswith(at + ".") for other in listed)
    return False


class Fronts(service.ServiceTest):
    def client(self, name, credentials=None, **config):
        keys = {} if credentials is None else {
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["SessionToken"]}
        return self.service.boto(name, **keys, **config)

    def test_every_input_member_has_a_verdict(self):
        checked = 0
        for name, operations in verdicts().items():
            client = self.client(name, parameter_validation=False)
            model = client.meta.service_model
            calls = {operation: call for call, operation in client.meta.method_to_api_mapping.items()}
            for operation, listed in operations.items():
                shape = model.operation_model(operation).input_shape
                for path, _ in paths(shape) if shape else ():
                    if accepted(listed, path) or any(".".join(path[:n]) not in listed
                                                     for n in range(1, len(path))):
                        continue  # obeyed, or below something that is refused as a whole
                    code, message = refusal(getattr(client, calls[operation]), **holding(shape, path))
                    self.assertIn(f"'{'.'.join(path)}'", message, f"{operation}: {code}")
                    self.assertIn("not supported here", message)
                    checked += 1
        self.assertGreater(checked, 30)
        # And nothing of it was done.
        named_x = "x"  # what sample() calls things
        self.assertNotIn(named_x, [r["RoleName"] for r in self.client("iam").list_roles()["Roles"]])
        alarms = self.client("cloudwatch").describe_alarms(AlarmNames=[named_x])["MetricAlarms"]
        self.assertEqual(alarms, [])
        groups = self.client("logs").describe_log_groups(logGroupNamePrefix=named_x)["logGroups"]
        self.assertEqual(groups, [])

    def test_a_job_names_a_role_that_exists(self):
        iam = self.client("iam")
        account = self.client("sts").get_caller_identity()["Account"]
        create = self.sagemaker.create_training_job
        for number, (role, want) in enumerate([
                ("arn:aws:iam::999999999999:role/ClaryExecutionRole", "Cross-account pass role is not allowed."),
                (f"arn:aws:iam::{account}:role/Nobody",
                 f"Could not assume role arn:aws:iam::{account}:role/Nobody. Please ensure that the role exists "
                 "and allows principal 'sagemaker.amazonaws.com' to assume the role.")]):
            code, message = refusal(create, **self.service.request(f"role-{number}", RoleArn=role))
            self.assertEqual(code, "ValidationException")
            self.assertIn(want, message)
        made = iam.create_role(RoleName="Mine", AssumeRolePolicyDocument=TRUST, Path="/team/",
                               Tags=[{"Key": "a", "Value": "b"}])["Role"]
        create(**self.service.request("role-made", RoleArn=made["Arn"]))
        create(**self.service.request("role-console", RoleArn=(
            f"arn:aws:iam::{account}:role/service-role/AmazonSageMaker-ExecutionRole-20180101T000000")))
        for name in ("role-made", "role-console"):
            self.assertEqual(self.service.wait(name)["TrainingJobStatus"], "Completed")

    def test_temporary_keys_make_no_lasting_ones(self):
        iam, sts = self.client("iam"), self.client("sts")
        role = iam.list_roles()["Roles"][0]["Arn"]
        session = sts.get_session_token()["Credentials"]
        assumed = sts.assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
        federated = sts.get_federation_token(Name="bob")
        for credentials in (session, assumed, federated["Credentials"]):
            self.assertEqual(refusal(self.client("iam", credentials).create_access_key)[0], "AccessDenied")
            for call in ("get_session_token", "get_federation_token"):
                arguments = {"Name": "x" * 3} if "federation" in call else {}
                code, message = refusal(getattr(self.client("sts", credentials), call), **arguments)
                self.assertEqual(code, "AccessDenied")
                self.assertIn("with session credentials", message)
        self.assertEqual(len(iam.list_access_keys()["AccessKeyMetadata"]), 1)
        bob = self.client("sts", federated["Credentials"]).get_caller_identity()
        self.assertEqual(bob["Arn"], federated["FederatedUser"]["Arn"])
        self.assertEqual(sts.get_access_key_info(AccessKeyId=assumed["AccessKeyId"])["Account"], bob["Account"])

        iam.create_role(RoleName="Gone", AssumeRolePolicyDocument=TRUST)
        gone = sts.assume_role(RoleArn=f"arn:aws:iam::{bob['Account']}:role/Gone", RoleSessionName="me")
        iam.delete_role(RoleName="Gone")
        self.assertEqual(refusal(self.client("sts", gone["Credentials"]).get_caller_identity)[0],
                         "InvalidClientTokenId")

    def test_logs_of_users_outlive_the_service(self):
        logs = self.client("logs")
        now = int(datetime.datetime.now().timestamp() * 1000)
        logs.create_log_group(logGroupName="/own/app", tags={"team": "a"})
        logs.put_retention_policy(logGroupName="/own/app", retentionInDays=7)
        logs.create_log_stream(logGroupName="/own/app", logStreamName="host")
        where = {"logGroupName": "/own/app", "logStreamName": "host"}
        logs.put_log_events(**where, logEvents=[{"timestamp": now, "message": "later\n\tindented \\n"}])
        logs.put_log_events(**where, logEvents=[{"timestamp": now - 1000, "message": "earlier"}])
        info = logs.put_log_events(**where, logEvents=[
            {"timestamp": now - 8 * 86_400_000, "message": "expired"}])["rejectedLogEventsInfo"]
        self.assertEqual(info, {"expiredLogEventEndIndex": 1})
        self.service.stop()
        self.service.start()
        logs = self.client("logs")
        events = logs.get_log_events(**where, startFromHead=True)["events"]
        self.assertEqual([(e["timestamp"], e["message"]) for e in events],
                         [(now - 1000, "earlier"), (now, "later\n\tindented \\n")])
        found = logs.filter_log_events(logGroupName="/own/app", filterPattern="earlier")["events"]
        self.assertEqual(len(found), 1)
        group = logs.describe_log_groups(logGroupNamePrefix="/own")["logGroups"][0]
        self.assertEqual(group["retentionInDays"], 7)
        self.assertLess(abs(group["creationTime"] - now), 60_000)
        logs.delete_log_group(logGroupName="/own/app")
        self.assertEqual(logs.describe_log_groups(logGroupNamePrefix="/own")["logGroups"], [])

    def test_metrics_and_an_alarm_outlive_the_service(self):
        cloudwatch = self.client("cloudwatch")
        now = datetime.datetime.now(datetime.timezone.utc)
        cloudwatch.put_metric_alarm(AlarmName="high", Namespace="own", MetricName="load", Statistic="Maximum",
                                    Period=10, EvaluationPeriods=1, Threshold=1, TreatMissingData="ignore",
                                    ComparisonOperator="GreaterThanThreshold")
        cloudwatch.put_metric_data(Namespace="own", MetricData=[
            {"MetricName": "load", "Values": [1.0, 5.0], "Counts": [3.0, 1.0]}])
        # Over 10 KiB bodies are compressed.
        cloudwatch.put_metric_data(Namespace="own", MetricData=[
            {"MetricName": f"many-{i}", "Dimensions": [{"Name": "Host", "Value": "h" * 100}],
             "StatisticValues": {"SampleCount": 2, "Sum": 3, "Minimum": 1, "Maximum": 2}} for i in range(200)])
        self.service.stop()
        self.service.start()
        cloudwatch = self.client("cloudwatch")
        data = cloudwatch.get_metric_data(
            StartTime=now - datetime.timedelta(hours=1), EndTime=now + datetime.timedelta(hours=1),
            MetricDataQueries=[{"Id": "q", "MetricStat": {
                "Metric": {"Namespace": "own", "MetricName": "load"}, "Period": 3600, "Stat": "Average"}}])
        self.assertEqual(sum(data["MetricDataResults"][0]["Values"]), 2.0)
        self.assertEqual(len(cloudwatch.list_metrics(Namespace="own")["Metrics"]), 201)
        alarm = service.wait_for(
            lambda: next((a for a in cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]), None),
            60, "the alarm")
        self.assertIn("Threshold Crossed: 1 datapoint [5.0 (", alarm["StateReason"])
        cloudwatch.delete_alarms(AlarmNames=["high"])

    def test_kms_as_set_ups_use_it(self):
        kms = self.client("kms")
        key = kms.create_key(Description="for a bucket")["KeyMetadata"]
        kms.create_alias(AliasName="alias/mine", TargetKeyId=key["KeyId"])
        self.assertEqual(kms.describe_key(KeyId="alias/mine")["KeyMetadata"]["Arn"], key["Arn"])
        self.assertEqual(kms.list_aliases()["Aliases"][0]["TargetKeyId"], key["KeyId"])
        policy = kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"]
        kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=policy)
        code, message = refusal(kms.encrypt, KeyId="alias/mine", Plaintext=b"x")
        self.assertEqual(code, "UnsupportedOperationException")
        self.assertIn("Nothing is encrypted", message)
        kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
        self.assertEqual(kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"], "PendingDeletion")


if __name__ == "__main__":
    unittest.main()
