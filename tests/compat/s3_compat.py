"""The S3 protocol as real clients speak it: boto3 (this interpreter's) and, where it is installed
beside it, the AWS CLI.

    python s3_compat.py --clary build/dev/apps/clary/clary     starts `clary serve` on a fresh home
    python s3_compat.py --endpoint http://127.0.0.1:9000 --key K --secret S [--account 1234...]

Prints one line a check; exit status 1 if one fails.
"""

import argparse
import base64
import concurrent.futures
import datetime
import hashlib
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import unittest.mock
import urllib.error
import urllib.parse
import urllib.request
import uuid
import zlib

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

MIB = 1 << 20
CHECKS = []


def check(f):
    CHECKS.append(f)
    return f


def version(v):
    return tuple(int(x) for x in v.split(".")[:2])


NEW = version(boto3.__version__) >= (1, 36)


class World:
    def __init__(self, endpoint, key, secret, account):
        self.endpoint, self.key, self.secret, self.account = endpoint, key, secret, account
        self.s3 = self.client()
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="s3-compat-"))
        self.bucket = self.new_bucket()

    def client(self, **config):
        config.setdefault("retries", {"max_attempts": 1})
        return boto3.client("s3", endpoint_url=self.endpoint, region_name="us-east-1",
                            aws_access_key_id=self.key, aws_secret_access_key=self.secret,
                            config=Config(**config))

    def new_bucket(self):
        name = "compat-" + uuid.uuid4().hex[:12]
        self.s3.create_bucket(Bucket=name)
        return name

    def put(self, key, body=b"hello", **more):
        return self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **more)

    def get(self, key, **more):
        return self.s3.get_object(Bucket=self.bucket, Key=key, **more)["Body"].read()

    def aws(self, *args, stdin=None, check=True):
        cli = pathlib.Path(sys.executable).parent / "aws"
        env = dict(os.environ, AWS_ACCESS_KEY_ID=self.key, AWS_SECRET_ACCESS_KEY=self.secret,
                   AWS_DEFAULT_REGION="us-east-1", AWS_ENDPOINT_URL=self.endpoint,
                   AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null",
                   AWS_PAGER="")
        for name in ("AWS_PROFILE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            env.pop(name, None)
        run = subprocess.run([str(cli), "--endpoint-url", self.endpoint, *map(str, args)],
                             env=env, input=stdin, capture_output=True, timeout=400)
        if check:
            assert run.returncode == 0, (args, run.stdout, run.stderr)
        return run


def refused(code, f, *args, **kwargs):
    try:
        f(*args, **kwargs)
    except ClientError as e:
        got = e.response["Error"]["Code"]
        assert got == code, f"{got} instead of {code}"
        return e.response
    raise AssertionError(f"{code} expected, but it worked")


@check
def put_get_head_delete(w):
    put = w.put("a/b.txt", ContentType="text/plain", Metadata={"who": "me"}, CacheControl="no-cache")
    assert put["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
    got = w.s3.get_object(Bucket=w.bucket, Key="a/b.txt")
    assert got["Body"].read() == b"hello"
    assert got["ContentType"] == "text/plain" and got["Metadata"] == {"who": "me"}
    head = w.s3.head_object(Bucket=w.bucket, Key="a/b.txt")
    assert head["ContentLength"] == 5 and head["ETag"] == put["ETag"]
    age = datetime.datetime.now(datetime.timezone.utc) - head["LastModified"]
    assert abs(age.total_seconds()) < 60
    assert w.get("a/b.txt", Range="bytes=1-3") == b"ell"
    w.s3.delete_object(Bucket=w.bucket, Key="a/b.txt")
    refused("NoSuchKey", w.s3.get_object, Bucket=w.bucket, Key="a/b.txt")
    refused("404", w.s3.head_object, Bucket=w.bucket, Key="a/b.txt")
    refused("NoSuchBucket", w.s3.get_object, Bucket="no-such-bucket-here", Key="k")


@check
def buckets(w):
    names = [b["Name"] for b in w.s3.list_buckets()["Buckets"]]
    assert w.bucket in names
    w.s3.create_bucket(Bucket=w.bucket)  # us-east-1: again is fine
    assert w.s3.get_bucket_location(Bucket=w.bucket).get("LocationConstraint") is None
    other = "compat-west-" + uuid.uuid4().hex[:8]
    w.s3.create_bucket(Bucket=other, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    assert w.s3.get_bucket_location(Bucket=other)["LocationConstraint"] == "us-west-2"
    w.s3.head_bucket(Bucket=other)
    w.s3.delete_bucket(Bucket=other)
    refused("404", w.s3.head_bucket, Bucket=other)
    w.put("k")
    refused("BucketNotEmpty", w.s3.delete_bucket, Bucket=w.bucket)


@check
def expected_owner(w):
    w.put("k")
    w.s3.head_bucket(Bucket=w.bucket, ExpectedBucketOwner=w.account)
    refused("403", w.s3.head_bucket, Bucket=w.bucket, ExpectedBucketOwner="000000000001")
    refused("AccessDenied", w.s3.get_object, Bucket=w.bucket, Key="k",
            ExpectedBucketOwner="000000000001")


KEYS = ["a", "a/", "a//b", "../../etc/passwd", "./x", "sp ace+plus", "%41%2f", "q?x=1&y=#z",
        "\u00e9\u65e5\u672c\U0001f600", "k" * 1024, "tab\there", "nl\nx", "ctl\x01\x1f", "cr\rx",
        "<&>\"'", "~!*()'", "trailing space ", "a:b@c$d,e;f=g"]


@check
def keys_of_any_bytes(w):
    b = w.new_bucket()
    for key in KEYS:
        w.s3.put_object(Bucket=b, Key=key, Body=key.encode())
    for key in KEYS:
        assert w.s3.get_object(Bucket=b, Key=key)["Body"].read() == key.encode(), key
    want = sorted(KEYS, key=lambda k: k.encode())
    listed = [o["Key"] for o in w.s3.list_objects_v2(Bucket=b)["Contents"]]
    assert listed == want, listed
    listed = [o["Key"] for o in w.s3.list_objects(Bucket=b)["Contents"]]
    assert listed == want
    # Copies name their source in a header.
    for key in KEYS:
        if "\n" in key or "\r" in key or any(ord(c) < 32 for c in key):
            continue
        w.s3.copy_object(Bucket=b, Key="copy", CopySource={"Bucket": b, "Key": key})
        assert w.s3.get_object(Bucket=b, Key="copy")["Body"].read() == key.encode(), key
    deleted = w.s3.delete_objects(Bucket=b, Delete={
        "Objects": [{"Key": k} for k in KEYS if not any(ord(c) < 32 for c in k)]})
    assert "Errors" not in deleted, deleted
    refused("KeyTooLongError", w.s3.put_object, Bucket=b, Key="k" * 1025, Body=b"")


@check
def listing(w):
    b = w.new_bucket()
    keys = [f"d{i % 3}/{i:03}" for i in range(25)] + ["top"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda k: w.s3.put_object(Bucket=b, Key=k, Body=b"x"), keys))
    for operation in ("list_objects", "list_objects_v2"):
        pages = w.s3.get_paginator(operation).paginate(Bucket=b, PaginationConfig={"PageSize": 4})
        assert [o["Key"] for p in pages for o in p.get("Contents", [])] == sorted(keys)
        pages = list(w.s3.get_paginator(operation).paginate(
            Bucket=b, Delimiter="/", PaginationConfig={"PageSize": 2}))
        assert [p["Prefix"] for q in pages for p in q.get("CommonPrefixes", [])] == \
            ["d0/", "d1/", "d2/"]
        assert [o["Key"] for p in pages for o in p.get("Contents", [])] == ["top"]
    page = w.s3.list_objects_v2(Bucket=b, Prefix="d1/", StartAfter="d1/010")
    assert page["KeyCount"] == len(page["Contents"]) and page["Contents"][0]["Key"] == "d1/013"
    bucket = boto3.resource("s3", endpoint_url=w.endpoint, region_name="us-east-1",
                            aws_access_key_id=w.key, aws_secret_access_key=w.secret).Bucket(b)
    assert sum(1 for _ in bucket.objects.filter(Prefix="d2/")) == 8
    bucket.objects.all().delete()
    assert w.s3.list_objects_v2(Bucket=b)["KeyCount"] == 0
    assert "Contents" not in w.s3.list_objects_v2(Bucket=b)
    w.s3.delete_bucket(Bucket=b)


@check
def conditions(w):
    etag = w.put("c")["ETag"]
    assert w.get("c", IfMatch=etag) == b"hello"
    refused("PreconditionFailed", w.s3.get_object, Bucket=w.bucket, Key="c", IfMatch='"0"')
    refused("304", w.s3.get_object, Bucket=w.bucket, Key="c", IfNoneMatch=etag)
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    refused("304", w.s3.get_object, Bucket=w.bucket, Key="c", IfModifiedSince=later)
    earlier = later - datetime.timedelta(hours=3)
    refused("PreconditionFailed", w.s3.get_object, Bucket=w.bucket, Key="c",
            IfUnmodifiedSince=earlier)
    refused("InvalidRange", w.s3.get_object, Bucket=w.bucket, Key="c", Range="bytes=10-")
    if version(boto3.__version__) >= (1, 35):
        refused("PreconditionFailed", w.put, "c", IfNoneMatch="*")
        w.put("fresh" + uuid.uuid4().hex, IfNoneMatch="*")


@check
def checksums(w):
    crc = base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode()
    put = w.put("s", ChecksumAlgorithm="CRC32")
    assert put["ChecksumCRC32"] == crc, put
    got = w.s3.get_object(Bucket=w.bucket, Key="s", ChecksumMode="ENABLED")
    assert got["ChecksumCRC32"] == crc and got["Body"].read() == b"hello"
    for algorithm in ("SHA1", "SHA256"):
        want = base64.b64encode(hashlib.new(algorithm.lower(), b"hello").digest()).decode()
        assert w.put("s", ChecksumAlgorithm=algorithm)["Checksum" + algorithm] == want
    refused("BadDigest", w.put, "s", ChecksumCRC32="AAAAAA==")
    md5 = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    refused("BadDigest", w.put, "s", ContentMD5=md5)


@check
def multipart_by_hand(w):
    up = w.s3.create_multipart_upload(Bucket=w.bucket, Key="m", ContentType="x/y")["UploadId"]
    ids = dict(Bucket=w.bucket, Key="m", UploadId=up)
    big = os.urandom(5 * MIB)
    e2 = w.s3.upload_part(**ids, PartNumber=2, Body=b"end")["ETag"]
    e1 = w.s3.upload_part(**ids, PartNumber=1, Body=big)["ETag"]
    parts = w.s3.list_parts(**ids)["Parts"]
    assert [p["PartNumber"] for p in parts] == [1, 2] and parts[0]["Size"] == 5 * MIB
    uploads = w.s3.list_multipart_uploads(Bucket=w.bucket)["Uploads"]
    assert [u["UploadId"] for u in uploads if u["Key"] == "m"] == [up]
    done = w.s3.complete_multipart_upload(**ids, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": e1}, {"PartNumber": 2, "ETag": e2}]})
    md5s = hashlib.md5(big).digest() + hashlib.md5(b"end").digest()
    assert done["ETag"] == '"' + hashlib.md5(md5s).hexdigest() + '-2"'
    assert w.get("m") == big + b"end"
    assert w.s3.head_object(Bucket=w.bucket, Key="m", PartNumber=2)["ContentLength"] == 3
    refused("NoSuchUpload", w.s3.abort_multipart_upload, **ids)


@check
def transfer_manager(w):
    data = os.urandom(21 * MIB + 17)
    source = w.work / "source.bin"
    source.write_bytes(data)
    config = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB)
    w.s3.upload_file(str(source), w.bucket, "t/big.bin", Config=config)
    head = w.s3.head_object(Bucket=w.bucket, Key="t/big.bin")
    assert head["ContentLength"] == len(data) and head["ETag"].endswith('-3"')
    target = w.work / "target.bin"
    w.s3.download_file(w.bucket, "t/big.bin", str(target), Config=config)
    assert target.read_bytes() == data
    out = io.BytesIO()
    w.s3.download_fileobj(w.bucket, "t/big.bin", out, Config=config)
    assert out.getvalue() == data
    w.s3.copy({"Bucket": w.bucket, "Key": "t/big.bin"}, w.bucket, "t/copy.bin", Config=config)
    assert w.get("t/copy.bin") == data
    for algorithm in ("CRC32", "SHA256"):
        w.s3.upload_file(str(source), w.bucket, "t/sum.bin", Config=config,
                         ExtraArgs={"ChecksumAlgorithm": algorithm})
        assert w.get("t/sum.bin", ChecksumMode="ENABLED") == data
    w.s3.upload_fileobj(io.BytesIO(b""), w.bucket, "t/empty")
    assert w.get("t/empty") == b""
    if NEW:
        w.s3.download_file(w.bucket, "t/empty", str(target))
        assert target.read_bytes() == b""


@check
def copies(w):
    w.put("src", Metadata={"a": "1"}, ContentType="text/csv")
    source = {"Bucket": w.bucket, "Key": "src"}
    copied = w.s3.copy_object(Bucket=w.bucket, Key="dst", CopySource=source)
    assert copied["CopyObjectResult"]["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
    head = w.s3.head_object(Bucket=w.bucket, Key="dst")
    assert head["Metadata"] == {"a": "1"} and head["ContentType"] == "text/csv"
    w.s3.copy_object(Bucket=w.bucket, Key="dst", CopySource=source, MetadataDirective="REPLACE",
                     Metadata={"b": "2"})
    assert w.s3.head_object(Bucket=w.bucket, Key="dst")["Metadata"] == {"b": "2"}
    refused("InvalidRequest", w.s3.copy_object, Bucket=w.bucket, Key="src", CopySource=source)
    refused("NoSuchKey", w.s3.copy_object, Bucket=w.bucket, Key="x",
            CopySource={"Bucket": w.bucket, "Key": "none"})
    refused("PreconditionFailed", w.s3.copy_object, Bucket=w.bucket, Key="x", CopySource=source,
            CopySourceIfMatch='"0"')


@check
def presigned(w):
    w.put("p q", b"presigned")
    for signature in ("s3", "s3v4"):
        client = w.client(signature_version=signature)
        url = client.generate_presigned_url("get_object", {
            "Bucket": w.bucket, "Key": "p q", "ResponseContentType": "text/x-y"})
        with urllib.request.urlopen(url) as answer:
            assert answer.read() == b"presigned"
            assert answer.headers["Content-Type"] == "text/x-y"
        url = client.generate_presigned_url("put_object", {"Bucket": w.bucket, "Key": "up"})
        # urllib adds a Content-Type of its own, which Signature Version 2 signs.
        request = urllib.request.Request(url, data=b"body", method="PUT",
                                         headers={"Content-Type": ""})
        if signature == "s3v4":
            with urllib.request.urlopen(request) as answer:
                assert answer.status == 200
            assert w.get("up") == b"body"


def send(url, method, body=b"", headers=None):
    """Status, headers and body of a plain HTTP request."""
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read()


def hoisted(w, method, path, **query):
    """A URL as JavaScript's SDK signs it: what is a header elsewhere is a parameter."""
    url = w.endpoint + path + "?" + urllib.parse.urlencode(query)
    request = AWSRequest(method, url)
    S3SigV4QueryAuth(Credentials(w.key, w.secret), "s3", "us-east-1", expires=600).add_auth(request)
    return request.url


@check
def presigned_urls_that_carry_headers(w):
    path = f"/{w.bucket}/hoisted"
    url = hoisted(w, "PUT", path, **{
        "x-amz-meta-who": "me", "x-amz-tagging": "a=b", "x-amz-storage-class": "STANDARD_IA",
        "x-amz-checksum-crc32": "AAAAAA==", "x-amz-sdk-checksum-algorithm": "CRC32",
        "x-id": "PutObject"})
    assert send(url, "PUT", b"hello", {"Content-Type": "text/csv"})[0] == 200
    head = w.s3.head_object(Bucket=w.bucket, Key="hoisted")
    assert head["Metadata"] == {"who": "me"} and head["StorageClass"] == "STANDARD_IA", head
    tags = w.s3.get_object_tagging(Bucket=w.bucket, Key="hoisted")["TagSet"]
    assert tags == [{"Key": "a", "Value": "b"}]
    url = hoisted(w, "PUT", path + "-copy", **{"x-amz-copy-source": f"{w.bucket}/hoisted"})
    assert send(url, "PUT")[0] == 200
    assert w.get("hoisted-copy") == b"hello"
    url = hoisted(w, "PUT", path, **{"x-amz-object-lock-mode": "COMPLIANCE"})
    assert send(url, "PUT", b"lost")[0] == 400
    url = hoisted(w, "PUT", path, **{"x-amz-checksum-crc32": "AAAAAQ=="})
    assert send(url, "PUT", b"lost")[0] == 400
    # boto3's own, with both signatures.
    client = w.client(signature_version="s3")
    url = client.generate_presigned_url("put_object", {
        "Bucket": w.bucket, "Key": "sig2", "Metadata": {"who": "you"}, "ContentType": "text/csv"})
    assert send(url, "PUT", b"x", {"Content-Type": "text/csv"})[0] == 200
    head = w.s3.head_object(Bucket=w.bucket, Key="sig2")
    assert head["Metadata"] == {"who": "you"} and head["ContentType"] == "text/csv"
    url = client.generate_presigned_url("copy_object", {
        "Bucket": w.bucket, "Key": "sig2-copy", "CopySource": f"{w.bucket}/hoisted"})
    assert send(url, "PUT", None, {"Content-Type": ""})[0] == 200
    assert w.get("sig2-copy") == b"hello" and w.get("hoisted") == b"hello"


@check
def html_forms(w):
    """generate_presigned_post, posted as a browser would, with both signatures."""
    def post(form, body, filename="a b.csv"):
        boundary = uuid.uuid4().hex
        parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'
                 for k, v in form["fields"].items()]
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
                     f'filename="{filename}"\r\nContent-Type: text/plain\r\n\r\n')
        whole = "".join(parts).encode() + body + f"\r\n--{boundary}--\r\n".encode()
        return send(form["url"], "POST", whole,
                    {"Content-Type": "multipart/form-data; boundary=" + boundary})

    for signature in ("s3", "s3v4"):
        client = w.client(signature_version=signature, s3={"addressing_style": "path"})
        form = client.generate_presigned_post(
            w.bucket, "form/${filename}",
            Fields={"Content-Type": "text/csv", "x-amz-meta-who": "me", "success_action_status": "201"},
            Conditions=[{"Content-Type": "text/csv"}, {"x-amz-meta-who": "me"},
                        {"success_action_status": "201"}, ["content-length-range", 1, 100]])
        status, headers, body = post(form, b"hello")
        assert status == 201 and b"<Key>form/a b.csv</Key>" in body, (status, body)
        assert w.get("form/a b.csv") == b"hello"
        head = w.s3.head_object(Bucket=w.bucket, Key="form/a b.csv")
        assert head["ContentType"] == "text/csv" and head["Metadata"] == {"who": "me"}
        w.s3.delete_object(Bucket=w.bucket, Key="form/a b.csv")
        status, _, body = post(form, b"x" * 101)
        assert status == 400 and b"EntityTooLarge" in body, body
        form["fields"]["x-amz-meta-who"] = "you"
        status, _, body = post(form, b"hello")
        assert status == 403 and b"Policy Condition failed" in body, body
        form["fields"]["policy"] = form["fields"]["policy"][:-8] + "AAAAAAA="
        status, _, body = post(form, b"hello")
        assert status == 403 and b"SignatureDoesNotMatch" in body, body
        refused("NoSuchKey", w.get, "form/a b.csv")
    status, _, body = post({"url": f"{w.endpoint}/{w.bucket}", "fields": {"key": "k"}}, b"hello")
    assert status == 403 and b"AccessDenied" in body, body


@check
def exclusive_create(w):
    """As s3fs asks for it: the error says which condition did not hold."""
    if version(boto3.__version__) < (1, 35):
        return "skipped: this boto3 is too old"
    w.put("once", IfNoneMatch="*")
    error = refused("PreconditionFailed", w.put, "once", b"again", IfNoneMatch="*")["Error"]
    assert error["Condition"] == "If-None-Match", error
    assert w.get("once") == b"hello"


@check
def attributes_and_classes(w):
    at = dict(Bucket=w.bucket, Key="attr")
    wanted = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
    w.put("attr", StorageClass="ONEZONE_IA", ChecksumAlgorithm="SHA256")
    got = w.s3.get_object_attributes(**at, ObjectAttributes=wanted)
    assert got["ETag"] == "5d41402abc4b2a76b9719d911017c592" and got["ObjectSize"] == 5
    assert got["StorageClass"] == "ONEZONE_IA" and "ObjectParts" not in got
    assert got["Checksum"]["ChecksumSHA256"] == base64.b64encode(
        hashlib.sha256(b"hello").digest()).decode()
    listed = {o["Key"]: o["StorageClass"] for o in w.s3.list_objects_v2(Bucket=w.bucket)["Contents"]}
    assert listed["attr"] == "ONEZONE_IA"
    w.s3.copy_object(**at, CopySource=at, StorageClass="STANDARD")
    assert "StorageClass" not in w.s3.head_object(**at)
    refused("InvalidStorageClass", w.put, "attr", StorageClass="SNOW")
    up = w.s3.create_multipart_upload(**at, ChecksumAlgorithm="SHA256")["UploadId"]
    done = [w.s3.upload_part(**at, UploadId=up, PartNumber=n, Body=b, ChecksumAlgorithm="SHA256")
            for n, b in ((1, bytes(5 * MIB)), (2, b"end"))]
    parts = [{"PartNumber": i + 1, "ETag": p["ETag"], "ChecksumSHA256": p["ChecksumSHA256"]}
             for i, p in enumerate(done)]
    bare = [{k: p[k] for k in ("PartNumber", "ETag")} for p in parts]
    refused("InvalidRequest", w.s3.complete_multipart_upload, **at, UploadId=up,
            MultipartUpload={"Parts": bare})
    wrong = [dict(parts[0], ChecksumSHA256=parts[1]["ChecksumSHA256"]), parts[1]]
    refused("InvalidPart", w.s3.complete_multipart_upload, **at, UploadId=up,
            MultipartUpload={"Parts": wrong})
    w.s3.complete_multipart_upload(**at, UploadId=up, MultipartUpload={"Parts": parts})
    got = w.s3.get_object_attributes(**at, ObjectAttributes=wanted, MaxParts=1)["ObjectParts"]
    assert got["TotalPartsCount"] == 2 and got["IsTruncated"] and len(got["Parts"]) == 1
    assert got["Parts"][0]["ChecksumSHA256"] == parts[0]["ChecksumSHA256"]


@check
def old_signatures(w):
    """Version 2 in a header is refused in AWS's words."""
    status, _, body = send(f"{w.endpoint}/{w.bucket}/k", "GET", None, {
        "Authorization": "AWS key:c2lnbmF0dXJl", "Date": "Tue, 27 Mar 2007 19:36:42 +0000"})
    assert status == 400 and b"<Code>InvalidRequest</Code>" in body, body
    assert b"The authorization mechanism you have provided is not supported" in body


@check
def virtual_host_style(w):
    port = w.endpoint.rsplit(":", 1)[1]
    client = boto3.client("s3", endpoint_url=f"http://s3.localhost:{port}", region_name="us-east-1",
                          aws_access_key_id=w.key, aws_secret_access_key=w.secret,
                          config=Config(s3={"addressing_style": "virtual"},
                                        retries={"max_attempts": 1}))
    resolve = socket.getaddrinfo  # not every system resolves *.localhost
    with unittest.mock.patch("socket.getaddrinfo", lambda host, *a, **k: resolve(
            "127.0.0.1" if str(host).endswith(".localhost") else host, *a, **k)):
        client.put_object(Bucket=w.bucket, Key="v", Body=b"virtual")
        assert client.list_objects_v2(Bucket=w.bucket, Prefix="v")["KeyCount"] == 1
    assert w.get("v") == b"virtual"


@check
def tags(w):
    """Tags of objects: with the object, on their own, copied; S3's limits."""
    at = dict(Bucket=w.bucket, Key="tagged")

    def of(**more):
        return {t["Key"]: t["Value"] for t in w.s3.get_object_tagging(**{**at, **more})["TagSet"]}

    def as_set(tags):
        return {"TagSet": [{"Key": k, "Value": v} for k, v in tags.items()]}

    put = w.put("tagged", Tagging="project=a%20b&empty=&caf%C3%A9=x+y")
    assert of() == {"project": "a b", "empty": "", "café": "x y"}, of()
    assert w.s3.head_object(**at)["ResponseMetadata"]["HTTPHeaders"]["x-amz-tagging-count"] == "3"
    assert w.s3.get_object(**at)["TagCount"] == 3
    before = w.s3.head_object(**at)
    w.s3.put_object_tagging(**at, Tagging=as_set({"only": "one"}))
    assert of() == {"only": "one"}
    after = w.s3.head_object(**at)
    assert (after["ETag"], after["LastModified"]) == (put["ETag"], before["LastModified"])

    w.s3.copy_object(Bucket=w.bucket, Key="c1", CopySource=at)
    w.s3.copy_object(Bucket=w.bucket, Key="c2", CopySource=at, TaggingDirective="REPLACE", Tagging="new=1")
    w.s3.copy_object(Bucket=w.bucket, Key="c3", CopySource=at, TaggingDirective="REPLACE")
    assert [of(Key=k) for k in ("c1", "c2", "c3")] == [{"only": "one"}, {"new": "1"}, {}]
    w.s3.upload_file(__file__, w.bucket, "file", ExtraArgs={"Tagging": "by=upload_file"})
    assert of(Key="file") == {"by": "upload_file"}
    upload = w.s3.create_multipart_upload(Bucket=w.bucket, Key="parts", Tagging="by=parts")["UploadId"]
    part = w.s3.upload_part(Bucket=w.bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"x")
    w.s3.complete_multipart_upload(Bucket=w.bucket, Key="parts", UploadId=upload, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert of(Key="parts") == {"by": "parts"}

    w.s3.put_object_tagging(**at, Tagging=as_set({f"key{i}": "v" * 256 for i in range(10)}))
    refused("BadRequest", w.s3.put_object_tagging, **at, Tagging=as_set({str(i): "" for i in range(11)}))
    refused("BadRequest", w.put, "tagged", Tagging="&".join(f"k{i}=" for i in range(11)))
    for bad in ({"k" * 129: ""}, {"k": "v" * 257}, {"aws:k": ""}, {"k": "a&b"}):
        refused("InvalidTag", w.s3.put_object_tagging, **at, Tagging=as_set(bad))
    refused("InvalidTag", w.s3.put_object_tagging, **at, Tagging={"TagSet": [{"Key": "a", "Value": v} for v in "12"]})
    refused("InvalidArgument", w.put, "tagged", Tagging="a=1&a=2")
    refused("InvalidArgument", w.s3.copy_object, Bucket=w.bucket, Key="c4", CopySource=at, TaggingDirective="SOME")
    refused("NoSuchKey", w.s3.put_object_tagging, Bucket=w.bucket, Key="none", Tagging=as_set({"a": "b"}))
    assert len(of()) == 10
    w.s3.delete_object_tagging(**at)
    assert of() == {} and "TagCount" not in w.s3.get_object(**at)


@check
def probes(w):
    """What s3fs, Terraform, consoles and curious people ask."""
    b = dict(Bucket=w.bucket)
    w.put("k")
    assert "Status" not in w.s3.get_bucket_versioning(**b)
    assert w.s3.get_object_tagging(**b, Key="k")["TagSet"] == []
    assert w.s3.get_object_acl(**b, Key="k")["Grants"][0]["Permission"] == "FULL_CONTROL"
    w.s3.get_bucket_acl(**b)
    refused("NoSuchTagSet", w.s3.get_bucket_tagging, **b)
    refused("NoSuchBucketPolicy", w.s3.get_bucket_policy, **b)
    refused("NoSuchCORSConfiguration", w.s3.get_bucket_cors, **b)
    refused("NoSuchLifecycleConfiguration", w.s3.get_bucket_lifecycle_configuration, **b)
    rules = w.s3.get_bucket_encryption(**b)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert all(w.s3.get_public_access_block(**b)["PublicAccessBlockConfiguration"].values())
    controls = w.s3.get_bucket_ownership_controls(**b)["OwnershipControls"]
    assert controls == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    w.s3.put_bucket_encryption(**b, ServerSideEncryptionConfiguration={"Rules": rules})
    w.s3.put_public_access_block(**b, PublicAccessBlockConfiguration={
        "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True})
    w.s3.put_bucket_ownership_controls(**b, OwnershipControls=controls)
    w.s3.put_bucket_acl(**b, ACL="private")
    w.s3.put_bucket_acl(**b, AccessControlPolicy={
        k: v for k, v in w.s3.get_bucket_acl(**b).items() if k in ("Owner", "Grants")})
    w.s3.put_object_acl(**b, Key="k", ACL="bucket-owner-full-control")
    w.s3.put_bucket_tagging(**b, Tagging={"TagSet": [{"Key": "team", "Value": "a b"}]})
    assert w.s3.get_bucket_tagging(**b)["TagSet"] == [{"Key": "team", "Value": "a b"}]
    w.s3.delete_bucket_tagging(**b)
    assert w.s3.get_bucket_request_payment(**b)["Payer"] == "BucketOwner"
    w.s3.get_bucket_logging(**b), w.s3.get_bucket_notification_configuration(**b)
    refused("NotImplemented", w.s3.put_bucket_versioning, **b,
            VersioningConfiguration={"Status": "Enabled"})
    w.s3.put_bucket_versioning(**b, VersioningConfiguration={"Status": "Suspended"})
    assert w.s3.get_bucket_versioning(**b)["Status"] == "Suspended"
    versions = w.s3.list_object_versions(**b)["Versions"]
    assert versions and versions[0]["VersionId"] == "null"
    w.put("enc", ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/x")
    head = w.s3.head_object(**b, Key="enc")
    assert head["ServerSideEncryption"] == "aws:kms"


@check
def many_at_once(w):
    def one(i):
        key, body = f"many/{i % 10}", str(i).encode() * 1000
        w.put(key, body)
        got = w.get(key)
        assert len(set(got)) and got == got[:len(got) // 1000] * 1000
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        list(pool.map(one, range(200)))


@check
def aws_cli(w):
    if not (pathlib.Path(sys.executable).parent / "aws").exists():
        return "skipped: no AWS CLI beside this Python"
    name = "compat-cli-" + uuid.uuid4().hex[:8]
    uri = f"s3://{name}"
    w.aws("s3", "mb", uri)
    assert name in w.aws("s3", "ls").stdout.decode()
    tree = w.work / "tree"
    (tree / "sub dir").mkdir(parents=True)
    (tree / "a.txt").write_bytes(b"a")
    (tree / "sub dir" / "b+c.bin").write_bytes(os.urandom(9 * MIB))
    w.aws("s3", "cp", "--recursive", tree, uri + "/tree/")
    listed = w.aws("s3", "ls", uri + "/tree/", "--recursive").stdout.decode()
    assert "tree/a.txt" in listed and "tree/sub dir/b+c.bin" in listed, listed
    assert "PRE tree/" in w.aws("s3", "ls", uri + "/").stdout.decode()
    w.aws("s3", "cp", "--recursive", uri + "/tree", w.work / "back")
    assert (w.work / "back/sub dir/b+c.bin").read_bytes() == \
        (tree / "sub dir" / "b+c.bin").read_bytes()
    assert w.aws("s3", "sync", tree, uri + "/tree").stdout == b""  # nothing to do
    w.aws("s3", "cp", "-", uri + "/stdin", stdin=b"from stdin")
    assert w.aws("s3", "cp", uri + "/stdin", "-").stdout == b"from stdin"
    w.aws("s3", "mv", uri + "/stdin", uri + "/moved")
    w.aws("s3", "cp", uri + "/tree/sub dir/b+c.bin", uri + "/copied")
    url = w.aws("s3", "presign", uri + "/moved").stdout.decode().strip()
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"from stdin"
    head = json.loads(w.aws("s3api", "head-object", "--bucket", name, "--key", "copied",
                            "--output", "json").stdout)
    assert head["ContentLength"] == 9 * MIB
    assert w.aws("s3", "ls", "s3://no-such-bucket-here", check=False).returncode != 0
    w.aws("s3", "rm", "--recursive", uri)
    w.aws("s3", "rb", uri)


def start_service(binary):
    home = tempfile.mkdtemp(prefix="s3-compat-home-")
    service = subprocess.Popen([binary, "serve", "--home", home, "--port", "0"],
                               stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    state = pathlib.Path(home) / "service.json"
    while not state.exists():
        if service.poll() is not None or time.monotonic() > deadline:
            sys.exit("clary serve did not start")
        time.sleep(0.02)
    endpoint = json.loads(state.read_text())["endpoint"]
    keys = json.loads((pathlib.Path(home) / "credentials.json").read_text())
    return service, home, endpoint, keys


def find(document, *names):
    """The first of `names` in a JSON object, at any depth."""
    if isinstance(document, dict):
        for name in names:
            if isinstance(document.get(name), str):
                return document[name]
        document = list(document.values())
    if isinstance(document, list):
        for value in document:
            found = find(value, *names)
            if found:
                return found
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clary")
    parser.add_argument("--endpoint")
    parser.add_argument("--key", default="key")
    parser.add_argument("--secret", default="secret")
    parser.add_argument("--account", default="123456789012")
    parser.add_argument("only", nargs="*")
    o = parser.parse_args()
    service = home = None
    if o.clary:
        service, home, o.endpoint, keys = start_service(o.clary)
        o.key = find(keys, "access_key", "access_key_id", "AccessKeyId")
        o.secret = find(keys, "secret_key", "secret_access_key", "secret", "SecretAccessKey")
        o.account = find(keys, "account", "account_id") or o.account
    failed = 0
    print(f"boto3 {boto3.__version__}, python {sys.version.split()[0]}, {o.endpoint}")
    try:
        w = World(o.endpoint, o.key, o.secret, o.account)
        for f in CHECKS:
            if o.only and f.__name__ not in o.only:
                continue
            started = time.monotonic()
            try:
                note = f(w) or "ok"
            except Exception:
                failed += 1
                note = "FAILED\n" + traceback.format_exc()
            print(f"  {f.__name__:24}{time.monotonic() - started:7.2f} s  {note}", flush=True)
        shutil.rmtree(w.work)
    finally:
        if service:
            service.send_signal(signal.SIGTERM)
            service.wait(20)
            shutil.rmtree(home)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
