"""A training script for SageMaker's XGBoost images ("framework" mode), with checkpoints."""
import argparse
import os

import xgboost
from sagemaker_xgboost_container import checkpointing
from sagemaker_xgboost_container.data_utils import get_dmatrix


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--max_depth", type=int, default=5)
    parser.add_argument("--eta", type=float, default=0.2)
    parser.add_argument("--num_round", type=int, default=30)
    parser.add_argument("--objective", default="binary:logistic")
    args = parser.parse_args()

    train = get_dmatrix(os.environ["SM_CHANNEL_TRAIN"], "csv")
    validation = get_dmatrix(os.environ.get("SM_CHANNEL_VALIDATION", ""), "csv")
    evals = [(train, "train")] + ([(validation, "validation")] if validation else [])
    # A job that is started again goes on from the last round of the one before.
    model = checkpointing.train(
        {
            "params": {"max_depth": args.max_depth, "eta": args.eta, "objective": args.objective},
            "dtrain": train,
            "num_boost_round": args.num_round,
            "evals": evals,
        },
        "/opt/ml/checkpoints",
    )
    model.save_model(os.path.join(os.environ["SM_MODEL_DIR"], "xgboost-model.json"))


def model_fn(model_dir):
    """For inference: the model that main() saved."""
    model = xgboost.Booster()
    model.load_model(os.path.join(model_dir, "xgboost-model.json"))
    return model


if __name__ == "__main__":
    main()
