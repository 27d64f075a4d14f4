"""Tables with a header and texts: `clary train --label`."""
import csv
import io
import json
import math
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


    def test_the_positive_class_can_be_chosen(self):
        base = ["train", "--train", self.dir / "train.csv", "--label", "bought", "--num-round", 5]
        out = self.clary(*base, "--positive", "no").stdout
        self.assertIn("0 is 'yes'", out)
        self.assertIn("predicted is the probability of 'no' (--positive chooses)", out)
        self.assertIn("probability of 'yes'", self.clary(*base).stdout)
        wrong = self.clary(*base, "--positive", "maybe", check=False)
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("'no' or 'yes'", wrong.stderr)
        number = self.clary(*base[:3], "--label", "age", "--positive", "x", check=False)
        self.assertIn("is a number", number.stderr)

    def test_what_a_label_makes_of_the_objective_is_told(self):
        base = ["train", "--train", self.dir / "train.csv", "--num-round", 1, "--label"]
        for label, line in (("bought", "objective binary:logistic, for a label of 2 classes"),
                            ("town", "objective multi:softprob, for a label of 5 classes"),
                            ("age", "objective reg:squarederror, for a label of numbers")):
            self.train = [r for r in self.train if r["town"] != "?"]
            write(self.dir / "train.csv", self.train)
            self.assertIn(line, self.clary(*base, label).stdout)
        self.assertIn("objective count:poisson\n",
                      self.clary(*base, "age", "--objective", "count:poisson").stdout)

    def test_a_file_without_header_is_told_as_such(self):
        (self.dir / "plain.csv").write_text("1,2,x\n0,3,y\n")
        done = self.clary("train", "--train", self.dir / "plain.csv", "--label", "income", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("plain.csv has no header", done.stderr)


    def predict(self, *args, **options):
        out = self.clary("predict", *args, **options).stdout
        return list(csv.DictReader(io.StringIO(out)))

    def test_predicts_new_rows_in_the_words_of_the_table(self):
        write(self.dir / "validation.csv", self.validation)
        done = json.loads(self.clary(
            "train", "--train", self.dir / "train.csv", "--label", "bought", "--validation",
            self.dir / "validation.csv", "--num-round", 20, "--json", "--name", "shop",
            "-P", "eval_metric=logloss", "--save", self.dir / "m.tar.gz").stdout)
        new = [{k: v for k, v in row.items() if k != "bought"} for row in self.validation]
        write(self.dir / "new.csv", new)
        rows = self.predict("shop", self.dir / "new.csv")
        self.assertEqual(list(rows[0]), ["prediction", "probability(yes)"])
        loss = 0
        for row, true in zip(rows, self.validation, strict=True):
            p = float(row["probability(yes)"])
            self.assertEqual(row["prediction"], "yes" if p > 0.5 else "no")
            loss -= math.log(p if true["bought"] == "yes" else 1 - p) / len(rows)
        self.assertAlmostEqual(loss, done["metrics"]["validation:logloss"], places=4)
        # With its label or without, of the job, its archive, its file or its object.
        self.assertEqual(self.predict("shop", self.dir / "validation.csv"), rows)
        with tarfile.open(self.dir / "m.tar.gz") as tar:
            (self.dir / "model").write_bytes(tar.extractfile("xgboost-model").read())
        for model in (self.dir / "m.tar.gz", self.dir / "model", done["model"]):
            self.assertEqual(self.predict(model, self.dir / "new.csv"), rows, model)
        lines = [json.loads(line) for line in
                 self.clary("predict", "shop", self.dir / "new.csv", "--json").stdout.splitlines()]
        self.assertEqual([r["prediction"] for r in lines], [r["prediction"] for r in rows])
        self.clary("predict", "shop", self.dir / "new.csv", "--output", self.dir / "out.csv")
        self.assertEqual(list(csv.DictReader(open(self.dir / "out.csv"))), rows)
        # The engine turns around with the positive class.
        self.clary("train", "--train", self.dir / "train.csv", "--label", "bought", "--num-round", 20,
                   "--name", "turned", "--positive", "no")
        turned = self.predict("turned", self.dir / "new.csv")
        self.assertEqual(list(turned[0]), ["prediction", "probability(no)"])
        same = sum(a["prediction"] == b["prediction"] for a, b in zip(rows, turned))
        self.assertGreater(same, 0.99 * len(rows))

    def test_predicts_several_classes_and_numbers(self):
        self.train = [r for r in self.train if r["town"] != "?"]
        write(self.dir / "train.csv", self.train)
        base = ["train", "--train", self.dir / "train.csv", "--num-round", 5, "--label"]
        self.clary(*base, "town", "--name", "towns")
        rows = self.predict("towns", self.dir / "train.csv")
        towns = ["Bern", "Cairo", "Oslo", "Rome, Italy", 'The "Big" Apple']
        self.assertEqual(list(rows[0]), ["prediction"] + [f"probability({t})" for t in towns])
        for row in rows[:50]:
            shares = [float(row[f"probability({t})"]) for t in towns]
            self.assertAlmostEqual(sum(shares), 1, places=4)
            self.assertEqual(row["prediction"], towns[shares.index(max(shares))])
        self.clary(*base, "town", "--name", "chosen", "--objective", "multi:softmax")
        self.assertEqual([r["prediction"] for r in self.predict("chosen", self.dir / "train.csv")],
                         [r["prediction"] for r in rows])
        self.clary(*base, "age", "--name", "ages")
        ages = self.predict("ages", self.dir / "train.csv")
        self.assertEqual(list(ages[0]), ["prediction"])
        self.assertTrue(18 <= float(ages[0]["prediction"]) <= 80)

    def test_what_cannot_be_predicted_says_why(self):
        self.clary("train", "--train", self.dir / "train.csv", "--label", "bought", "--num-round", 1,
                   "--name", "shop")
        (self.dir / "few.csv").write_text("age,town\n3,Oslo\n")
        (self.dir / "plain.csv").write_text("1,2,3\n0,3,4\n" * 20)
        self.clary("train", "--train", self.dir / "plain.csv", "--num-round", 1, "--name", "plain")
        self.clary("train", "--train", self.dir / "plain.csv", "--num-round", 1, "--name", "folds",
                   "-P", "_kfold=2")
        (self.dir / "broken.tar.gz").write_bytes(b"\x1f\x8b123")
        for args, message in ((["shop", "few.csv"], "no column 'income'"),
                              (["shop", "none.csv"], "no file"),
                              (["shoop", "few.csv"], "Did you mean shop?"),
                              (["folds", "plain.csv"], "cross validation"),
                              (["broken.tar.gz", "plain.csv"], "broken.tar.gz"),
                              (["few.csv", "plain.csv"], "few.csv"),
                              (["plain", "few.csv"], "takes files as it was trained on")):
            paths = [self.dir / a if "." in a else a for a in args]
            done = self.clary("predict", *paths, check=False)
            self.assertNotEqual(done.returncode, 0, args)
            self.assertIn(message, done.stderr, args)
        self.assertEqual(len(self.predict("plain", self.dir / "plain.csv")), 40)


if __name__ == "__main__":
    unittest.main()
