"""A training script for SageMaker's scikit-learn images: a forest on rows with the label first."""
import argparse
import os
import pathlib

import joblib
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score


def load(folder):
    files = sorted(pathlib.Path(folder).glob("*.csv"))
    table = pd.concat([pd.read_csv(file, header=None) for file in files])
    return table.iloc[:, 1:].to_numpy(), table.iloc[:, 0].to_numpy()


def main():
    # Hyperparameters come as arguments, the job's folders as SM_* variables.
    parser = argparse.ArgumentParser()
    parser.add_argument("--n-estimators", type=int, default=50)
    parser.add_argument("--max-depth", type=int, default=8)
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--validation", default=os.environ.get("SM_CHANNEL_VALIDATION"))
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR"))
    args = parser.parse_args()

    rows, labels = load(args.train)
    model = RandomForestClassifier(n_estimators=args.n_estimators, max_depth=args.max_depth,
                                   random_state=0, n_jobs=-1)
    model.fit(rows, labels)
    print(f"train-accuracy: {accuracy_score(labels, model.predict(rows)):.4f}")
    if args.validation:
        rows, labels = load(args.validation)
        print(f"validation-accuracy: {accuracy_score(labels, model.predict(rows)):.4f}")
    joblib.dump(model, os.path.join(args.model_dir, "model.joblib"))


def model_fn(model_dir):
    """For inference: the model that main() saved."""
    return joblib.load(os.path.join(model_dir, "model.joblib"))


if __name__ == "__main__":
    main()
