"""Batch transform of a million rows of 28 features (SplitType Line, MultiRecord), from its first request to its end.

    CLARY=build/release/apps/clary/clary python3 bench/transform_bench.py [--rows 1000000]
"""
import argparse
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/e2e"))
import service  # noqa: E402
from service import wait_for  # noqa: E402


def rows(count, label, random_numbers):
    for _ in range(count):
        values = [random_numbers.gauss(0, 1) for _ in range(28)]
        head = [str(int(sum(values[:4]) > 0))] if label else []
        yield ",".join(head + [f"{x:.6g}" for x in values])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    random_numbers = random.Random(1)
    with service.Service() as clary:
        s3, sagemaker = clary.boto("s3"), clary.boto("sagemaker")
        s3.create_bucket(Bucket="data")
        s3.put_object(Bucket="data", Key="train/t.csv", Body="\n".join(rows(5000, True, random_numbers)))
        request = clary.request("million", channels=("train",))
        request["HyperParameters"] = {"objective": "binary:logistic", "num_round": "100", "max_depth": "6"}
        sagemaker.create_training_job(**request)
        model = clary.wait("million")["ModelArtifacts"]["S3ModelArtifacts"]
        sagemaker.create_model(ModelName="m", ExecutionRoleArn=clary.credentials["role_arn"],
                               PrimaryContainer={"Image": service.IMAGE, "ModelDataUrl": model})
        block = "\n".join(rows(min(options.rows, 10_000), False, random_numbers)) + "\n"
        file = clary.home.parent / "rows.csv"
        with open(file, "w") as out:
            for _ in range(max(1, options.rows // 10_000)):
                out.write(block)
        s3.upload_file(str(file), "data", "in/rows.csv")
        print(f"{file.stat().st_size / 1e6:.0f} MB")
        for run in range(options.runs):
            name = f"run-{run}"
            sagemaker.create_transform_job(
                TransformJobName=name, ModelName="m",
                TransformInput={"ContentType": "text/csv", "SplitType": "Line", "DataSource": {"S3DataSource": {
                    "S3DataType": "S3Prefix", "S3Uri": "s3://data/in/"}}},
                TransformOutput={"S3OutputPath": f"s3://data/out-{run}", "AssembleWith": "Line"},
                TransformResources={"InstanceCount": 1, "InstanceType": "ml.m5.large"})

            def done(name=name):
                job = sagemaker.describe_transform_job(TransformJobName=name)
                return job if job["TransformJobStatus"] in ("Completed", "Failed") else None

            job = wait_for(done, 120, name)
            assert job["TransformJobStatus"] == "Completed", job
            took = (job["TransformEndTime"] - job["CreationTime"]).total_seconds()
            answers = s3.head_object(Bucket="data", Key=f"out-{run}/rows.csv.out")["ContentLength"]
            print(f"{name}: {took:.2f} s, {options.rows / took / 1e6:.2f} million rows/s, {answers / 1e6:.1f} MB of answers")


if __name__ == "__main__":
    main()
