"""Walks botocore's whole model of S3 against a running service: every operation, and every input
member of it, is either done, and then its effect is seen, or refused without a trace.

    python s3_walk.py --clary build/dev/apps/clary/clary [-v]

Requests are made from the model, so a new botocore brings new operations and members by itself; one
that is answered as done although no table below says how to see it is a failure.
"""

import argparse
import base64
import datetime
import hashlib
import shutil
import signal
import sys
import uuid
import zlib

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

from s3_compat import find, start_service

BODY = b"the walk's object"
LONG_AGO = datetime.datetime(1999, 1, 1, tzinfo=datetime.timezone.utc)
FAR_AHEAD = datetime.datetime(2098, 1, 1, tzinfo=datetime.timezone.utc)


def digest64(kind, data):
    if kind == "CRC32":
        return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
    return base64.b64encode(hashlib.new(kind.lower(), data).digest()).decode()


# ---- The world that a request could change ----------------------------------------------------


class World:
    def __init__(self, endpoint, key, secret, account):
        self.account = account
        self.s3 = boto3.client(
            "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=key,
            aws_secret_access_key=secret, config=Config(
                retries={"max_attempts": 1}, inject_host_prefix=False,
                s3={"addressing_style": "path"}))
        self.model = self.s3.meta.service_model
        self.reset()

    def reset(self):
        """A bucket of its own with an object, another one, and an upload of one part."""
        self.bucket = "walk-" + uuid.uuid4().hex[:12]
        self.new_bucket = self.bucket + "-new"
        self.empty = self.bucket + "-empty"
        for name in (self.bucket, self.empty):
            self.s3.create_bucket(Bucket=name)
        at = dict(Bucket=self.bucket)
        self.s3.put_object(**at, Key="k", Body=BODY, Metadata={"kept": "1"}, Tagging="kept=1",
                           ChecksumAlgorithm="CRC32")
        self.s3.put_object(**at, Key="src", Body=BODY)
        self.upload = self.s3.create_multipart_upload(**at, Key="up")["UploadId"]
        self.part = self.s3.upload_part(**at, Key="up", UploadId=self.upload, PartNumber=1,
                                        Body=BODY)["ETag"]
        self.etag = self.head("k")["ETag"]

    def head(self, key):
        return self.s3.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")

    def tags(self, key):
        tags = self.s3.get_object_tagging(Bucket=self.bucket, Key=key)["TagSet"]
        return {t["Key"]: t["Value"] for t in tags}

    def snapshot(self):
        def plain(answer):
            return {k: v for k, v in answer.items() if k != "ResponseMetadata"}

        buckets = [b["Name"] for b in self.s3.list_buckets()["Buckets"]
                   if b["Name"].startswith(self.bucket)]
        out = {"buckets": buckets}
        if self.bucket not in buckets:
            return out
        listed = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        out["objects"] = {o["Key"]: (plain(self.head(o["Key"])), self.tags(o["Key"]))
                          for o in listed}
        ups = self.s3.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])
        out["uploads"] = {u["UploadId"]: plain(self.s3.list_parts(
            Bucket=self.bucket, Key=u["Key"], UploadId=u["UploadId"])).get("Parts")
            for u in ups}
        for name in ("tagging", "versioning", "encryption", "ownership_controls"):
            try:
                out[name] = plain(getattr(self.s3, "get_bucket_" + name)(Bucket=self.bucket))
            except ClientError as e:
                out[name] = e.response["Error"]["Code"]
        try:
            out["block"] = plain(self.s3.get_public_access_block(Bucket=self.bucket))
        except ClientError as e:
            out["block"] = e.response["Error"]["Code"]
        return out


# ---- Requests from the model ------------------------------------------------------------------


def value_of(shape, depth=0):
    """Some value of a shape: the required members of structures only."""
    kind = shape.type_name
    if kind == "structure":
        if getattr(shape, "is_tagged_union", False):
            name = next(iter(shape.members))
            return {name: value_of(shape.members[name], depth + 1)}
        return {k: value_of(v, depth + 1) for k, v in shape.members.items()
                if k in shape.required_members}
    if kind == "list":
        return [value_of(shape.member, depth + 1)]
    if kind == "map":
        return {"walk": "1"}
    if kind == "boolean":
        return True
    if kind in ("integer", "long"):
        return 1
    if kind == "timestamp":
        return FAR_AHEAD
    if kind == "blob":
        return b"lost"
    if getattr(shape, "enum", None):
        return shape.enum[0]
    return "walk".ljust(shape.metadata.get("min", 0), "x")


# Settings of buckets to their default, which is all that is done.
DEFAULTS = {
    "VersioningConfiguration": {"Status": "Suspended"},
    "ServerSideEncryptionConfiguration": {
        "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]},
    "PublicAccessBlockConfiguration": {
        "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True},
    "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    "RequestPaymentConfiguration": {"Payer": "BucketOwner"},
    "AccelerateConfiguration": {"Status": "Suspended"},
    "AbacStatus": {"Status": "Disabled"},
}


def nested(shape, value, path):
    """(path, value with one member more) for every member below `value` that it does not have."""
    if shape.type_name == "list" and value:
        for below, more in nested(shape.member, value[0], path):
            yield below, [more]
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, member in shape.members.items():
            if name not in value:
                yield f"{path}.{name}", {**value, name: value_of(member)}
            else:
                for below, more in nested(member, value[name], f"{path}.{name}"):
                    yield below, {**value, name: more}


def base_request(w, operation):
    """The smallest request that the model allows, about things that exist."""
    if operation.name == "PutBucketAcl":
        return {"Bucket": w.bucket, "ACL": "private"}
    if operation.name == "PutObjectAcl":
        return {"Bucket": w.bucket, "Key": "k", "ACL": "private"}
    upload = operation.name in ("UploadPart", "UploadPartCopy", "CompleteMultipartUpload",
                                "AbortMultipartUpload", "ListParts")
    bucket = {"CreateBucket": w.new_bucket, "DeleteBucket": w.empty}.get(operation.name, w.bucket)
    known = {"Bucket": bucket, "Key": "up" if upload else "k", "UploadId": w.upload,
             "PartNumber": 1, "CopySource": f"{w.bucket}/src",
             "Delete": {"Objects": [{"Key": "k"}]},
             "Tagging": {"TagSet": [{"Key": "new", "Value": "1"}]},
             "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": w.part}]},
             "ObjectAttributes": ["ETag", "ObjectSize"],
             "RenameSource": f"{w.bucket}/src",
             "RequestRoute": "walk", "RequestToken": "walk", **DEFAULTS}
    wanted = set(operation.input_shape.required_members) if operation.input_shape else set()
    payload = operation.input_shape and operation.input_shape.serialization.get("payload")
    if payload:
        wanted.add(payload)
    out = {}
    for name in wanted:
        shape = operation.input_shape.members[name]
        fits = name in known and not (name == "Tagging" and shape.type_name == "string")
        out[name] = known[name] if fits else value_of(shape)
    if operation.name == "CompleteMultipartUpload":
        out["MultipartUpload"] = known["MultipartUpload"]
    if operation.name == "CreateBucket":
        out.pop("CreateBucketConfiguration", None)
    return out


class Answer:
    def __init__(self, w, operation, request):
        method = getattr(w.s3, botocore.xform_name(operation.name))
        self.code, self.out = None, {}
        try:
            self.out = method(**request)
            self.status = self.out["ResponseMetadata"]["HTTPStatusCode"]
        except ClientError as e:
            self.status = e.response["ResponseMetadata"]["HTTPStatusCode"]
            self.code = e.response["Error"]["Code"]

    @property
    def done(self):
        return self.status < 300

    def __str__(self):
        return f"{self.status} {self.code or ''}".strip()


# ---- How the effect of a member is seen -------------------------------------------------------
# Each: (value to send, function(world, answer, operation) that is true when it was obeyed), or a
# list of such pairs.


def target_key(operation):
    return "up" if operation.name == "CreateMultipartUpload" else "k"


def stored(member, value, seen=None):
    """Kept with the object and answered by HeadObject."""
    def check(w, answer, operation):
        if operation.name == "CreateMultipartUpload":
            part = w.s3.upload_part(Bucket=w.bucket, Key="k", UploadId=answer.out["UploadId"],
                                    PartNumber=1, Body=b"x")
            w.s3.complete_multipart_upload(
                Bucket=w.bucket, Key="k", UploadId=answer.out["UploadId"],
                MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
        return w.head("k").get(member) == (value if seen is None else seen)
    return value, check


def tagged(w, answer, operation):
    stored("ETag", None)[1](w, answer, operation)
    return w.tags("k") == {"a": "1"}


def refused_with(*codes):
    return lambda w, answer, operation: str(answer.code) in codes


def answered(member, value):
    """Repeated in the answer."""
    return value, lambda w, answer, operation: answer.out.get(member) == value


def fine(w, answer, operation):
    return answer.done


FAILED = refused_with("PreconditionFailed", "412", "NoSuchKey", "NoSuchUpload")
UNCHANGED = refused_with("304", "NotModified")

EVERYWHERE = {
    "ExpectedBucketOwner": ("000000000001", refused_with("AccessDenied", "403")),
    "ExpectedSourceBucketOwner": ("000000000001", refused_with("AccessDenied")),
    "ContentMD5": (digest64("MD5", b"other"), refused_with("BadDigest")),
    "IfMatch": ('"0"', FAILED),
    "IfModifiedSince": (FAR_AHEAD, UNCHANGED),
    "IfUnmodifiedSince": (LONG_AGO, FAILED),
    "IfMatchSize": (1, FAILED),
    "IfMatchLastModifiedTime": (LONG_AGO, FAILED),
    "IfMatchInitiatedTime": (LONG_AGO, FAILED),
    "CopySourceIfMatch": ('"0"', FAILED),
    "CopySourceIfNoneMatch": ("*", FAILED),
    "CopySourceIfModifiedSince": (FAR_AHEAD, FAILED),
    "CopySourceIfUnmodifiedSince": (LONG_AGO, FAILED),
    "CopySourceRange": ("bytes=0-99", refused_with("InvalidArgument")),
    "VersionId": ("v1", refused_with("NoSuchVersion", "404")),
    "ContentType": stored("ContentType", "a/b"),
    "CacheControl": stored("CacheControl", "no-store"),
    "ContentDisposition": stored("ContentDisposition", "attachment"),
    "ContentEncoding": stored("ContentEncoding", "gzip"),
    "ContentLanguage": stored("ContentLanguage", "la"),
    "Expires": (FAR_AHEAD, lambda w, a, o: stored("ExpiresString", "Thu, 01 Jan 2098 00:00:00 GMT")
                [1](w, a, o) or w.head("k").get("Expires") is not None),
    "Metadata": stored("Metadata", {"new": "1"}),
    "StorageClass": stored("StorageClass", "STANDARD_IA"),
    "ServerSideEncryption": stored("ServerSideEncryption", "AES256"),
    "WebsiteRedirectLocation": stored("WebsiteRedirectLocation", "/x"),
    "BucketKeyEnabled": stored("BucketKeyEnabled", True),
    "Tagging": ("a=1", tagged),
    "Prefix": ("no such prefix", lambda w, a, o: a.done and not (
        a.out.get("Contents") or a.out.get("Buckets") or a.out.get("Uploads")
        or a.out.get("Versions"))),
    "Delimiter": answered("Delimiter", "r"),
    "EncodingType": answered("EncodingType", "url"),
    "MaxKeys": answered("MaxKeys", 1),
    "MaxUploads": answered("MaxUploads", 1),
    "Marker": answered("Marker", "l"),
    "KeyMarker": answered("KeyMarker", "l"),
    "StartAfter": answered("StartAfter", "l"),
    "VersionIdMarker": answered("VersionIdMarker", "null"),
    "UploadIdMarker": ("x", lambda w, a, o: a.done),
    "FetchOwner": (True, lambda w, a, o: "Owner" in a.out["Contents"][0]),
    "BucketRegion": ("eu-north-1", lambda w, a, o: not a.out.get("Buckets")),
    "MaxBuckets": (1, lambda w, a, o: len(a.out["Buckets"]) == 1),
    "Range": ("bytes=1-2", lambda w, a, o: a.status == 206 and a.out["ContentLength"] == 2),
    "ChecksumMode": ("ENABLED", lambda w, a, o: a.out.get("ChecksumCRC32") == digest64("CRC32", BODY)),
    "ResponseContentType": ("a/b", lambda w, a, o: a.out["ContentType"] == "a/b"),
    "ResponseContentLanguage": ("la", lambda w, a, o: a.out["ContentLanguage"] == "la"),
    "ResponseContentEncoding": ("gzip", lambda w, a, o: a.out["ContentEncoding"] == "gzip"),
    "ResponseContentDisposition": ("x", lambda w, a, o: a.out["ContentDisposition"] == "x"),
    "ResponseCacheControl": ("x", lambda w, a, o: a.out["CacheControl"] == "x"),
    "ResponseExpires": (FAR_AHEAD, lambda w, a, o: "2098" in a.out["ResponseMetadata"]["HTTPHeaders"]["expires"]),
    "ChecksumType": ("FULL_OBJECT", refused_with("InvalidRequest", "InvalidArgument")),
    "MpuObjectSize": (1, refused_with("InvalidRequest")),
    "MaxParts": (1, lambda w, a, o: a.done),
    "ACL": ("public-read", refused_with("AccessControlListNotSupported")),
}
# Sums that are not the body's.
for _kind, _size in (("CRC32", 4), ("CRC32C", 4), ("CRC64NVME", 8), ("SHA1", 20), ("SHA256", 32),
                     ("SHA512", 64), ("MD5", 16), ("XXHASH64", 8), ("XXHASH3", 8),
                     ("XXHASH128", 16)):
    EVERYWHERE["Checksum" + _kind] = (base64.b64encode(bytes(_size)).decode(), refused_with(
        "BadDigest", "InvalidPart", "InvalidRequest"))

# (operation, member), where the name alone does not say it.
SPECIAL = {
    ("GetObject", "IfNoneMatch"): ("*", UNCHANGED),
    ("HeadObject", "IfNoneMatch"): ("*", UNCHANGED),
    ("PutObject", "IfNoneMatch"): ("*", FAILED),
    ("CopyObject", "IfNoneMatch"): ("*", FAILED),
    ("CompleteMultipartUpload", "IfNoneMatch"): ('"0"', refused_with("NotImplemented")),
    ("CopyObject", "MetadataDirective"): ("REPLACE", lambda w, a, o: w.head("k")["Metadata"] == {}),
    ("CopyObject", "TaggingDirective"): ("REPLACE", lambda w, a, o: w.tags("k") == {}),
    ("CopyObject", "ChecksumAlgorithm"): ("SHA256", lambda w, a, o: w.head("k").get("ChecksumSHA256")),
    ("PutObject", "ChecksumAlgorithm"): ("SHA256", lambda w, a, o: w.head("k").get("ChecksumSHA256")),
    ("CreateMultipartUpload", "ChecksumAlgorithm"): answered("ChecksumAlgorithm", "CRC32"),
    ("GetObject", "PartNumber"): (2, refused_with("InvalidRange", "InvalidPartNumber", "416")),
    ("HeadObject", "PartNumber"): (2, refused_with("InvalidRange", "InvalidPartNumber", "416")),
    ("ListParts", "PartNumberMarker"): (1, lambda w, a, o: "Parts" not in a.out),
    ("ListObjectsV2", "ContinuationToken"): ("?", refused_with("InvalidArgument")),
    ("ListBuckets", "ContinuationToken"): ("zzzz", lambda w, a, o: not a.out.get("Buckets")),
    ("ListDirectoryBuckets", "ContinuationToken"): ("zzzz", lambda w, a, o: not a.out.get("Buckets")),
    ("GetObjectAttributes", "MaxParts"): (1, lambda w, a, o: a.done),  # of no parts
    ("GetObjectAttributes", "PartNumberMarker"): (1, lambda w, a, o: a.done),
    ("PutObject", "ContentLength"): (len(b"lost"), fine),
    ("UploadPart", "ContentLength"): (len(b"lost"), fine),
    ("WriteGetObjectResponse", "ContentLength"): (len(b"lost"), fine),
    ("CreateBucket", "CreateBucketConfiguration"): (
        {"LocationConstraint": "nowhere-9"}, refused_with("InvalidLocationConstraint")),
}


def deletion_fails(code):
    return lambda w, a, o: a.out["Errors"][0]["Code"] == code and w.head("k")


# Members below the top level, by path.
NESTED = {
    "DeleteObjects.Delete.Quiet": lambda w, a, o: "Deleted" not in a.out,
    "DeleteObjects.Delete.Objects.VersionId": deletion_fails("NoSuchVersion"),
    "DeleteObjects.Delete.Objects.ETag": deletion_fails("PreconditionFailed"),
    "DeleteObjects.Delete.Objects.LastModifiedTime": deletion_fails("PreconditionFailed"),
    "DeleteObjects.Delete.Objects.Size": deletion_fails("PreconditionFailed"),
    "PutBucketEncryption.ServerSideEncryptionConfiguration.Rules.BucketKeyEnabled": fine,
    "CreateBucket.CreateBucketConfiguration.Tags": lambda w, a, o: w.s3.get_bucket_tagging(
        Bucket=w.new_bucket)["TagSet"] == [{"Key": "walk", "Value": "walk"}],
}

# What a member needs beside it.
COMPANIONS = {
    ("CopyObject", "Metadata"): {"MetadataDirective": "REPLACE"},
    ("CopyObject", "Tagging"): {"TaggingDirective": "REPLACE"},
    ("CreateMultipartUpload", "ChecksumType"): {"ChecksumAlgorithm": "SHA256"},
}
for _m in ("ContentType", "CacheControl", "ContentDisposition", "ContentEncoding",
           "ContentLanguage", "Expires"):
    COMPANIONS["CopyObject", _m] = {"MetadataDirective": "REPLACE"}
for _o in ("PutObject", "CopyObject", "CreateMultipartUpload"):
    COMPANIONS[_o, "SSEKMSKeyId"] = {"ServerSideEncryption": "aws:kms"}
    SPECIAL[_o, "SSEKMSKeyId"] = stored("SSEKMSKeyId", "alias/walk")

# Members that change nothing here, whatever they say. docs/s3.md has the same list, from the
# service's own table.
IGNORED = {
    "RequestPayer": "nobody is charged",
    "SkipDestinationValidation": "notifications have no destination here",
    "SSEKMSEncryptionContext": "nothing is encrypted",
    "OptionalObjectAttributes": "no object is ever being restored",
    "AnnotationDirective": "no object has annotations",
    "BypassGovernanceRetention": "false only",
    "ObjectLockEnabledForBucket": "false only",
    "ObjectOwnership": "the default only",
    "BucketNamespace": "the default only",
    "ChecksumAlgorithm": "which sum the SDK sends along; it is compared",
}
# Values for those whose first value is refused.
HARMLESS = {"OptionalObjectAttributes": ["RestoreStatus"],
            "SSEKMSEncryptionContext": base64.b64encode(b"{}").decode()}

# Operations that are done although the model's smallest request changes nothing that a snapshot
# shows, or whose smallest request fails for its own good reason.
READS = ("Get", "Head", "List")


def walk(w, verbose, only):
    failures, counts = [], {"done": 0, "refused": 0, "ignored": 0}

    def note(name, verdict, answer, problem=""):
        if problem:
            failures.append(f"{name}: {problem} ({answer})")
        else:
            counts[verdict] += 1
        if verbose or problem:
            print(f"  {name:64}{problem or verdict} ({answer})", flush=True)

    def judge(name, operation, request, check, ignored=False):
        before = w.snapshot()
        try:
            answer = Answer(w, operation, request)
        except ParamValidationError as e:
            note(name, "refused", "by the client", "" if ignored else str(e))
            return
        after = w.snapshot()
        done = answer.done
        if answer.status in (500, 503):
            note(name, "", answer, "internal error")
        elif not done and after != before:
            note(name, "", answer, "refused, but it left a trace")
        elif check is not None:
            try:
                obeyed = check(w, answer, operation)
            except (KeyError, IndexError, TypeError, ClientError) as e:
                obeyed = False
                answer = f"{answer}, {e!r}"
            note(name, "refused" if not done else "done", answer,
                 "" if obeyed else "not obeyed")
        elif not done:
            note(name, "refused", answer)
        elif ignored:
            note(name, "ignored", answer)
        else:
            note(name, "", answer, "accepted, and no table says how to see it")
        if after != before or done:
            w.reset()

    for name in w.model.operation_names:
        if only and name not in only:
            continue
        operation = w.model.operation_model(name)
        request = base_request(w, operation)
        # The operation by itself. Done or refused are both fine; a trace of a refusal is not, and
        # what only reads must change nothing.
        before = w.snapshot()
        answer = Answer(w, operation, request)
        after = w.snapshot()
        reads = name.startswith(READS)
        problem = ""
        if answer.status in (500, 503):
            problem = "internal error"
        elif after != before and (reads or not answer.done):
            problem = "it left a trace"
        done = answer.done
        note(name, "done" if done else "refused", answer, problem)
        w.reset()
        if operation.input_shape is None:
            continue
        for member, shape in operation.input_shape.members.items():
            if member in operation.input_shape.required_members or member in request:
                continue
            value, check = SPECIAL.get((name, member)) or EVERYWHERE.get(member) or (None, None)
            ignored = member in IGNORED and (name, member) not in SPECIAL
            if value is None:
                value = HARMLESS.get(member, value_of(shape))
            more = {**base_request(w, operation), **COMPANIONS.get((name, member), {}),
                    member: value}
            if done:
                judge(f"{name}.{member}", operation, more, None if ignored else check, ignored)
            else:  # refused, whatever else it says
                judge(f"{name}.{member}", operation, more, lambda w, a, o: not a.done)
        if not done:
            continue
        below = {m: request[m] for m in request if isinstance(request[m], dict)}
        if name == "CreateBucket":
            below["CreateBucketConfiguration"] = {"LocationConstraint": "eu-west-1"}
        for member, value in below.items():
            for path, more in nested(operation.input_shape.members[member], value, f"{name}.{member}"):
                judge(path, operation, {**base_request(w, operation), member: more},
                      NESTED.get(path))
    return failures, counts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clary", required=True)
    parser.add_argument("-v", action="store_true")
    parser.add_argument("only", nargs="*", help="names of operations")
    o = parser.parse_args()
    service, home, endpoint, keys = start_service(o.clary)
    try:
        w = World(endpoint, find(keys, "access_key", "access_key_id", "AccessKeyId"),
                  find(keys, "secret_key", "secret_access_key", "secret", "SecretAccessKey"),
                  find(keys, "account", "account_id") or "123456789012")
        print(f"botocore {botocore.__version__}: {len(w.model.operation_names)} operations")
        failures, counts = walk(w, o.v, o.only)
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(20)
        shutil.rmtree(home)
    print(", ".join(f"{n} {what}" for what, n in counts.items()) + f", {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
