"""Tables with a header and texts: `clary train --label`."""
import csv
import json
import pathlib
import random
import tarfile
import tempfile
import unittest

import service
from service import clary


def rows(n, seed):
    """Whether somebody buys, by age and town; the town matters in no order of the alphabet."""
    rng = random.Random(seed)
    towns = ["Oslo", "Rome, Italy", 'The "Big" Apple', "Bern", "Cairo"]
    for _ in range(n):
        age, town, income = rng.randint(18, 80), rng.choice(towns), rng.choice(["", "1.5", "22"])
        buys = (town in ("Oslo", "Cairo")) != (age > 50)
        yield {"age": age, "town": town if rng.random() > 0.05 else "?", "income": income,
               "bought": "yes" if buys != (rng.random() < 0.05) else "no"}


def write(path, table):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)


class Tables(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="clary-e2e-")
        self.addCleanup(service.remove_folder, self.folder)
        self.dir = pathlib.Path(self.folder.name)
        self.home = self.dir / "home"
        self.train, self.validation = list(rows(2000, 1)), list(rows(500, 2))
        write(self.dir / "train.csv", self.train)

    def clary(self, *args, **options):
        return clary(*args, home=self.home, **options)

    def model(self):
        with tarfile.open(self.dir / "m.tar.gz") as tar:
            return json.load(tar.extractfile("xgboost-model"))["learner"]

    def test_a_table_trains_and_its_names_reach_model_and_report(self):
        self.validation[7]["town"] = "Atlantis"
        write(self.dir / "validation.csv", self.validation)
        # Columns of another order are found by name.
        turned = [dict(reversed(list(row.items()))) for row in self.validation]
        write(self.dir / "validation.csv", turned)
        done = json.loads(self.clary(
            "train", "--train", self.dir / "train.csv", "--label", "bought", "--validation",
            self.dir / "validation.csv", "--num-round", 20, "--json", "--name", "shop",
            "-P", "eval_metric=auc", "--rule", "create_xgboost_report",
            "--save", self.dir / "m.tar.gz").stdout)
        self.assertEqual(done["status"], "Completed")
        self.assertGreater(done["metrics"]["validation:auc"], 0.9)
        label, features = done["columns"]["label"], done["columns"]["features"]
        self.assertEqual(label["classes"], ["no", "yes"])
        self.assertEqual(sum(label["counts"]), 2000)
        self.assertEqual([f["name"] for f in features], ["age", "town", "income"])
        self.assertEqual(features[1]["categories"],
                         ["Bern", "Cairo", "Oslo", "Rome, Italy", 'The "Big" Apple'])
        self.assertEqual(features[1]["missing"], sum(r["town"] == "?" for r in self.train))
        self.assertEqual(features[2]["missing"], sum(r["income"] == "" for r in self.train))
        self.assertEqual(len(done["warnings"]), 1)
        self.assertIn("'Atlantis' in validation.csv, line 9", done["warnings"][0])

        model = self.model()
        self.assertEqual(model["feature_names"], ["age", "town", "income"])
        self.assertEqual(model["feature_types"], ["float", "c", "float"])
        kept = json.loads(model["attributes"]["clary.columns"])
        self.assertEqual(kept["features"][1]["categories"], features[1]["categories"])
        self.assertEqual(kept["label"], {"name": "bought", "classes": ["no", "yes"]})
        report = pathlib.Path(done["reports"][0]).read_text()
        for name in ("age", "town", "income"):
            self.assertIn(name, report)
        # Trees, too, split by name (their JSON is text inside the page's).
        self.assertRegex(report, r'\\"f\\":\\"[a-z]')
        self.assertNotRegex(report, r'\\"f\\":\d')

    def test_it_says_in_lines_what_the_columns_are(self):
        out = self.clary("train", "--train", self.dir / "train.csv", "--label", "bought",
                         "--num-round", 2).stdout
        self.assertRegex(out, r"2000 rows, label bought: 0 is 'no' \(\d+\.\d %\), 1 is 'yes' \(")
        self.assertRegex(out, r"\n  age     number\n")
        self.assertRegex(out, r"\n  town    category, 5 texts: 'Bern', .*; \d+ missing \(\d\.\d %\)\n")
        self.assertRegex(out, r"\n  income  number; \d+ missing")
        self.assertIn("objective binary:logistic, for a label of 2 classes", out)
        self.assertIn("round 2/2", out)

    def test_the_same_table_is_stored_once(self):
        for _ in range(2):
            self.clary("train", "--train", self.dir / "train.csv", "--label", "bought",
                       "--num-round", 1)
        bucket = json.loads(self.clary("s3", "ls", "--json").stdout)[0]["bucket"]
        keys = json.loads(self.clary("s3", "ls", f"s3://{bucket}/clary/data/", "-r", "--json").stdout)
        self.assertEqual(sorted(k["key"].rsplit("/", 1)[1] for k in keys),
                         ["_columns.json", "data.csv"])

    def test_parquet_is_taken_by_the_same_call(self):
        table = service.SOURCE / "tests/golden/parquet/table.parquet"
        refused = self.clary("train", "--train", table, "--label", "bought", check=False)
        self.assertIn("column 'when' holds timestamps", refused.stderr)
        done = json.loads(self.clary("train", "--train", table, "--label", "bought", "--drop", "when",
                                     "--num-round", 3, "--json").stdout)
        self.assertEqual(done["status"], "Completed")
        self.assertEqual([(f["name"], f["type"], f["missing"]) for f in done["columns"]["features"]],
                         [("age", "number", 5), ("town", "category", 10), ("code", "category", 1),
                          ("big", "number", 0)])

    def test_xgboost_predicts_from_the_names_and_categories_of_the_model(self):
        try:
            import numpy
            import xgboost
        except ImportError as missing:
            self.skipTest(f"{missing}: the model is not tried in XGBoost")
        self.clary("train", "--train", self.dir / "train.csv", "--label", "bought",
                   "--num-round", 30, "--save", self.dir / "m.tar.gz")
        with tarfile.open(self.dir / "m.tar.gz") as tar:
            tar.extractall(self.dir)
        booster = xgboost.Booster(model_file=self.dir / "xgboost-model")
        columns = json.loads(booster.attributes()["clary.columns"])["features"]
        self.assertEqual(booster.feature_names, [c["name"] for c in columns])

        def encode(row):
            for c in columns:
                text = row[c["name"]]
                if text in ("", "?"):
                    yield float("nan")
                else:
                    yield c["categories"].index(text) if "categories" in c else float(text)

        rows = numpy.array([list(encode(row)) for row in self.validation], dtype="float32")
        matrix = xgboost.DMatrix(rows, feature_names=booster.feature_names,
                                 feature_types=booster.feature_types, enable_categorical=True)
        right = [(p > 0.5) == (row["bought"] == "yes")
                 for p, row in zip(booster.predict(matrix), self.validation)]
        self.assertGreater(sum(right) / len(right), 0.9)

    def test_numbers_and_many_classes(self):
        iris = [{"length": i % 7, "kind": ["setosa", "virginica", "versicolor"][i % 7 // 3]}
                for i in range(210)]
        write(self.dir / "iris.csv", iris)
        done = json.loads(self.clary("train", "--train", self.dir / "iris.csv", "--label", "kind",
                                     "--num-round", 5, "--json", "--name", "iris").stdout)
        self.assertEqual(done["columns"]["label"]["classes"], ["setosa", "versicolor", "virginica"])
        shown = self.clary("describe", "iris").stdout
        self.assertRegex(shown, r"objective +multi:softprob")
        self.assertRegex(shown, r"num_class +3")
        done = json.loads(self.clary("train", "--train", self.dir / "iris.csv", "--label", "length",
                                     "--num-round", 5, "--json", "--drop", "kind", check=False).stderr)
        self.assertIn("no column besides the label", done["error"]["message"])
        done = json.loads(self.clary("train", "--train", self.dir / "iris.csv", "--label", "length",
                                     "--num-round", 50, "--json").stdout)
        self.assertLess(done["metrics"]["train:rmse"], 1.1)

    def test_what_cannot_be_is_refused_before_anything_runs(self):
        table, label = ("train", "--train", self.dir / "train.csv"), ("--label", "bought")
        for args, message in (
                (table, "train.csv has a header: name the column to learn"),
                ((*table, "--label", "boght"), "Did you mean bought?"),
                ((*table, *label, "--drop", "twn"), "Did you mean town?"),
                ((*table, "--drop", "town"), "--label"),
                ((*table, *label, "--image", "1.5-1"), "columns of texts: 'town'. image 1.5-1"),
                ((*table, *label, "-P", "tree_method=exact"), "tree_method exact"),
                ((*table, *label, "-P", "booster=gblinear"), "gblinear"),
                ((*table, *label, "--objective", "reg:squarederror"), "use binary:logistic"),
                ((*table, *label, "--objective", "multi:softmaks"), "Did you mean multi:softmax?"),
                ((*table, *label, "-P", "max_dept=3"), "Did you mean max_depth?"),
                ((*table, *label, "-P", "eval_metric=acu"), "Did you mean auc?"),
                ((*table, *label, "--rule", "overfitt"), "Did you mean Overfit?"),
                ((*table, *label, "--image", "1.7"), "Did you mean 1.7-1?"),
                ((*table, *label, "--validation", "s3://b/k"), "clary s3 cp"),
                ((*table, *label, "--validation", "/dev/null"), "must be a file")):
            done = self.clary(*args, check=False)
            self.assertNotEqual(done.returncode, 0, args)
            self.assertIn(message, done.stderr, args)
            self.assertLess(len(done.stderr), 2000)
        self.assertEqual(json.loads(self.clary("jobs", "--json").stdout), [])
        # Without texts among the features any image will do.
        self.clary(*table, *label, "--drop", "town", "--image", "1.2-1", "--num-round", 1)


if __name__ == "__main__":
    unittest.main()
