"""Our wording of SageMaker's Fairness and Explainability example: the same calls in the same order. The
SDK is told nothing of the service but by its environment."""
import argparse
import json
import pathlib
import urllib.parse

import boto3
import pandas
from sagemaker import Session, clarify, get_execution_role, image_uris
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.s3 import S3Uploader

HEADERS = ["Target", "Age", "Workclass", "Education-Num", "Marital Status", "Occupation", "Relationship",
           "Ethnic group", "Sex", "Capital Gain", "Capital Loss", "Hours per week", "Country"]


def read(uri):
    """The bytes of an object."""
    at = urllib.parse.urlparse(uri)
    return boto3.client("s3").get_object(Bucket=at.netloc, Key=at.path.lstrip("/"))["Body"].read()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=50)
    options = parser.parse_args()

    session = Session()
    bucket = session.default_bucket()
    prefix = "sagemaker/clarify"
    role = get_execution_role()
    region = session.boto_region_name

    train_uri = S3Uploader.upload(str(options.folder / "train.csv"), f"s3://{bucket}/{prefix}")
    S3Uploader.upload(str(options.folder / "test.csv"), f"s3://{bucket}/{prefix}")
    estimator = Estimator(
        image_uris.retrieve("xgboost", region, version="1.2-1"), role, instance_count=1,
        instance_type="ml.m5.xlarge", disable_profiler=True, sagemaker_session=session)
    estimator.set_hyperparameters(max_depth=5, eta=0.2, gamma=4, min_child_weight=6, subsample=0.8,
                                  objective="binary:logistic", num_round=options.rounds)
    estimator.fit({"train": TrainingInput(train_uri, content_type="csv")}, logs=False)
    model_name = "DEMO-clarify-model"
    model = estimator.create_model(name=model_name)
    session.create_model(model_name, role, model.prepare_container_def())

    processor = clarify.SageMakerClarifyProcessor(
        role=role, instance_count=1, instance_type="ml.m5.xlarge", sagemaker_session=session)
    bias_output = f"s3://{bucket}/{prefix}/clarify-bias"
    model_config = clarify.ModelConfig(
        model_name=model_name, instance_type="ml.m5.xlarge", instance_count=1,
        accept_type="text/csv", content_type="text/csv")

    def data_config(output):
        return clarify.DataConfig(s3_data_input_path=train_uri, s3_output_path=output,
                                  label="Target", headers=HEADERS, dataset_type="text/csv")

    bias_config = clarify.BiasConfig(label_values_or_threshold=[1], facet_name="Sex",
                                     facet_values_or_threshold=[0], group_name="Age")
    pre_output = f"s3://{bucket}/{prefix}/clarify-pre"
    processor.run_pre_training_bias(data_config=data_config(pre_output),
                                    data_bias_config=bias_config, methods="all", logs=False)
    processor.run_bias(
        data_config=data_config(bias_output), bias_config=bias_config, model_config=model_config,
        model_predicted_label_config=clarify.ModelPredictedLabelConfig(probability_threshold=0.8),
        pre_training_methods="all", post_training_methods="all", logs=False)

    train = pandas.read_csv(options.folder / "train.csv", header=None, names=HEADERS)
    features = train.drop(columns="Target")
    shap_config = clarify.SHAPConfig(
        baseline=[features.median().astype(int).tolist()], num_samples=15, agg_method="mean_abs",
        save_local_shap_values=True)
    shap_output = f"s3://{bucket}/{prefix}/clarify-explainability"
    processor.run_explainability(data_config=data_config(shap_output), model_config=model_config,
                                 explainability_config=shap_config)
    (options.folder / "out.csv").write_bytes(read(f"{shap_output}/explanations_shap/out.csv"))
    local = pandas.read_csv(options.folder / "out.csv")
    names = [c.replace("_label0", "") for c in local.columns]
    assert names == list(features.columns), names

    all_output = f"s3://{bucket}/{prefix}/clarify-all"
    processor.run_bias_and_explainability(
        data_config=data_config(all_output), bias_config=bias_config, model_config=model_config,
        explainability_config=[shap_config, clarify.PDPConfig(
            features=["Age", "Sex"], grid_resolution=10)],
        model_predicted_label_config=clarify.ModelPredictedLabelConfig(probability_threshold=0.8),
        pre_training_methods=["CI", "DPL"], post_training_methods=["DPPL", "DI"], logs=False)

    result = {"rows": len(train), "shap_111": local.iloc[111].sum(), "model_data": estimator.model_data}
    for name, output in (("pre", pre_output), ("bias", bias_output), ("shap", shap_output), ("all", all_output)):
        result[name] = json.loads(read(f"{output}/analysis.json"))
        result[f"{name}_more"] = json.loads(read(f"{output}/clary_analysis.json"))
        report = read(f"{output}/report.html").decode()
        assert "<html" in report and len(report) < 2_000_000 + 1_000_000, len(report)
        assert read(f"{output}/report.pdf").startswith(b"%PDF-1.4")
        assert json.loads(read(f"{output}/report.ipynb"))["nbformat"] == 4
        (options.folder / f"{name}.html").write_text(report)
    session.delete_model(model_name)
    print("\n" + json.dumps(result))  # after the progress of the last job


main()
