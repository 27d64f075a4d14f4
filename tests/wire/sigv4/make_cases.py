#!/usr/bin/env python3
"""Makes cases.txt with botocore's own signers: python3 make_cases.py > cases.txt

One case a block, blocks parted by an empty line; a line is "field value":
  name, auth (header | query | queryv2), service, region, time (ISO 8601), method, path, query (as
  sent), header (Name: value, as sent), body (as UTF-8). The secret is fixed below.
"""
import datetime
import sys
from unittest import mock
from urllib.parse import urlsplit

import botocore
import botocore.auth as auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = datetime.datetime(2026, 11, 23, 17, 11, 35)


class FixedTime(datetime.datetime):
    @classmethod
    def utcnow(cls):
        return NOW

    @classmethod
    def now(cls, tz=None):
        return NOW.replace(tzinfo=tz) if tz else NOW


def case(name, kind, service, method, url, headers=None, body="", region="us-east-1", token=None,
         expires=3600):
    cred = Credentials(KEY, SECRET, token)
    req = AWSRequest(method=method, url=url, headers=headers or {}, data=body.encode())
    if kind == "header":
        cls = auth.S3SigV4Auth if service == "s3" else auth.SigV4Auth
        signer = cls(cred, service, region)
    elif kind == "query":
        cls = auth.S3SigV4QueryAuth if service == "s3" else auth.SigV4QueryAuth
        signer = cls(cred, service, region, expires=expires)
    else:
        signer = auth.HmacV1QueryAuth(cred, expires=expires)
    if service == "s3":
        req.context["client_config"] = None
    signer.add_auth(req)
    prepared = req.prepare()
    parts = urlsplit(prepared.url)
    out = [f"name {name}", f"auth {kind}", f"service {service}", f"region {region}",
           f"time {NOW.isoformat()}Z", f"method {method}", f"path {parts.path or '/'}"]
    if parts.query:
        out.append(f"query {parts.query}")
    sent = {k: v.decode() if isinstance(v, bytes) else v for k, v in prepared.headers.items()}
    if not any(k.lower() == "host" for k in sent):
        sent["Host"] = parts.netloc
    sent.pop("Content-Length", None)
    out += [f"header {k}: {v}" for k, v in sent.items()]
    if body:
        out.append(f"body {body}")
    print("\n".join(out) + "\n")


def main():
    print(f"# botocore {botocore.__version__}; key {KEY}, secret {SECRET}\n")
    json_headers = {"Content-Type": "application/x-amz-json-1.1",
                    "X-Amz-Target": "SageMaker.DescribeTrainingJob"}
    case("json", "header", "sagemaker", "POST", "https://api.sagemaker.us-east-1.amazonaws.com/",
         json_headers, '{"TrainingJobName": "j"}')
    case("json-token", "header", "sagemaker", "POST", "http://127.0.0.1:8460/", json_headers,
         '{"TrainingJobName": "j"}', token="FwoGZXIvYXdzEJr//////////token==")
    case("query-sts", "header", "sts", "POST", "https://sts.eu-west-1.amazonaws.com/",
         {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
         "Action=GetCallerIdentity&Version=2011-06-15", region="eu-west-1")
    case("rest-path", "header", "sagemaker", "POST",
         "http://localhost:8460/endpoints/a%20b/../c/./d//invocations?x=1&a=2&a=1", {}, "1,2,3")
    case("spaces-in-header", "header", "iam", "POST", "http://localhost/",
         {"X-Amz-Meta-A": "  a   b  c "}, "Action=ListRoles&Version=2010-05-08")
    case("sts-presigned", "query", "sts", "GET",
         "https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15", expires=60)
    s3 = "http://127.0.0.1:8460"
    case("s3-get", "header", "s3", "GET", s3 + "/bucket/key")
    case("s3-root", "header", "s3", "GET", s3 + "/")
    case("s3-put", "header", "s3", "PUT", s3 + "/bucket/a/b.csv",
         {"x-amz-meta-Owner": "Ann", "Content-Type": "text/csv", "Expect": "100-continue",
          "User-Agent": "x"}, "a,b\n".strip())
    case("s3-odd-key", "header", "s3", "GET",
         s3 + "/bucket/dir//./../a%20b%2Bc%26%3D%25%C3%A9~_-.%27%28%29%2A%21")
    case("s3-list", "header", "s3", "GET",
         s3 + "/bucket?list-type=2&prefix=a%2Fb%20c&delimiter=%2F&encoding-type=url&max-keys=1000")
    case("s3-subresource", "header", "s3", "POST", s3 + "/bucket/key?uploads")
    case("s3-subresource-many", "header", "s3", "PUT",
         s3 + "/bucket/key?uploadId=a%2Bb%3D&partNumber=3", {}, "part")
    case("s3-virtual", "header", "s3", "GET",
         "https://bucket.s3.us-east-1.amazonaws.com/key", region="us-east-1")
    case("s3-unsigned-payload", "header", "s3", "PUT", s3 + "/bucket/key",
         {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}, "anything")
    case("s3-token", "header", "s3", "GET", s3 + "/bucket/key", token="tok/en+=")
    case("s3-presigned", "query", "s3", "GET", s3 + "/bucket/a%20key?versionId=a%2Fb")
    case("s3-presigned-put", "query", "s3", "PUT", s3 + "/bucket/key",
         {"Content-Type": "text/csv", "x-amz-acl": "private"})
    case("s3-presigned-token", "query", "s3", "GET", s3 + "/bucket/key", token="tok/en+=")
    case("s3-v2", "queryv2", "s3", "GET", s3 + "/bucket/a%20key")
    case("s3-v2-sub", "queryv2", "s3", "GET",
         s3 + "/bucket/key?uploadId=u%2F1&response-content-type=text%2Fplain&prefix=p")
    case("s3-v2-put", "queryv2", "s3", "PUT", s3 + "/bucket/key",
         {"Content-Type": "text/csv", "x-amz-meta-a": "1"})
    case("s3-v2-token", "queryv2", "s3", "GET", s3 + "/bucket/key", token="tok/en+=")


with mock.patch("botocore.auth.get_current_datetime", lambda: NOW, create=True), \
        mock.patch("botocore.auth.datetime", mock.Mock(datetime=FixedTime), create=True), \
        mock.patch("botocore.auth.time.time", lambda: NOW.replace(
            tzinfo=datetime.timezone.utc).timestamp()):
    main()
