"""The modules that stand for those of SageMaker's XGBoost images, with the real XGBoost.

  stand_ins_compat.py src/toolkit/stand_ins
"""
import os
import struct
import sys
import tempfile

import numpy as np
import xgboost

sys.path.insert(0, sys.argv[1])
from sagemaker_containers.beta.framework import content_types, encoders, env, worker  # noqa: E402
from sagemaker_containers.entry_point import _wait_hostname_resolution  # noqa: E402
from sagemaker_xgboost_container import checkpointing, data_utils, distributed  # noqa: E402

random = np.random.default_rng(5)
X = random.normal(size=(200, 4)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] * 0.5).astype(np.float32)
PARAMS = {"max_depth": 3, "eta": 0.3, "objective": "reg:squarederror"}


def checkpoints(folder):
    return sorted(n for n in os.listdir(folder) if "ignore" not in n)


def resumed_training_is_the_uninterrupted_one():
    data = xgboost.DMatrix(X, label=Y)
    whole = xgboost.train(PARAMS, data, num_boost_round=12)
    with tempfile.TemporaryDirectory() as folder:
        common = {"params": PARAMS, "dtrain": data, "evals": [(data, "train")]}
        assert checkpointing.load_checkpoint(folder) == (None, 0)
        checkpointing.train({**common, "num_boost_round": 7}, folder)
        assert checkpoints(folder) == ["xgboost-checkpoint.%d" % n for n in range(2, 7)], folder
        # One that was cut off counts as none.
        with open(os.path.join(folder, "xgboost-checkpoint.9"), "wb") as out:
            out.write(b"half")
        path, following = checkpointing.load_checkpoint(folder)
        assert (os.path.basename(path), following) == ("xgboost-checkpoint.6", 7), path
        os.remove(os.path.join(folder, "xgboost-checkpoint.9"))
        model = checkpointing.train({**common, "num_boost_round": 12}, folder)
        np.testing.assert_allclose(model.predict(data), whole.predict(data), rtol=1e-5)
        assert checkpoints(folder)[-1] == "xgboost-checkpoint.9" or len(checkpoints(folder)) == 5
        assert "xgboost-checkpoint.11" in checkpoints(folder)


def what_is_being_uploaded_is_not_deleted():
    data = xgboost.DMatrix(X, label=Y)
    with tempfile.TemporaryDirectory() as folder:
        checkpointing.train({"params": PARAMS, "dtrain": data, "num_boost_round": 1}, folder)
        first = os.path.join(folder, "xgboost-checkpoint.0")
        open(first + ".sagemaker-uploading", "w").close()
        xgboost.train(PARAMS, data, num_boost_round=8,
                      callbacks=[checkpointing.save_checkpoint(folder, start_iteration=1)])
        assert os.path.exists(first)
        open(first + ".sagemaker-uploaded", "w").close()
        xgboost.train(PARAMS, data, num_boost_round=1,
                      callbacks=[checkpointing.save_checkpoint(folder, start_iteration=9)])
        assert not os.path.exists(first) and not os.path.exists(first + ".sagemaker-uploaded")


def varint(n):
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def record(features, label):
    def tensor(values):
        return field(2, field(1, struct.pack("<%df" % len(values), *values)))

    body = (field(1, field(1, b"values") + field(2, tensor(features))) +
            field(2, field(1, b"values") + field(2, tensor([label]))))
    return struct.pack("<II", 0xCED7230A, len(body)) + body + b"\0" * (-len(body) % 4)


def every_format_gives_the_same_matrix():
    import pandas

    def check(data, what):
        assert data.num_row() == 200 and data.num_col() == 4, what
        np.testing.assert_allclose(data.get_label(), Y, rtol=1e-5, err_msg=what)
        np.testing.assert_allclose(data.get_data().toarray(), X, rtol=1e-5, err_msg=what)

    with tempfile.TemporaryDirectory() as root:
        def folder(name):
            path = os.path.join(root, name)
            os.makedirs(path)
            return path

        table = np.column_stack([Y, X])
        for name, mark in (("comma", ","), ("tab", "\t"), ("semicolon", ";")):
            path = folder(name)
            for part, rows in enumerate(np.array_split(table, 3)):
                np.savetxt("%s/%d.csv" % (path, part), rows, delimiter=mark, fmt="%.9g")
            open(path + "/.hidden", "w").close()
            check(data_utils.get_dmatrix(path, "text/csv; label_size=1"), name)
        with open(folder("libsvm") + "/a", "w") as out:
            for y, row in zip(Y, X):
                out.write("%.9g %s\n" % (y, " ".join("%d:%.9g" % v for v in enumerate(row))))
        check(data_utils.get_dmatrix(root + "/libsvm", "libsvm"), "libsvm")
        check(data_utils.get_dmatrix(root + "/libsvm", None), "libsvm by default")
        pandas.DataFrame(table).rename(columns=str).to_parquet(folder("parquet") + "/a.parquet")
        check(data_utils.get_dmatrix(root + "/parquet", "application/x-parquet"), "parquet")
        with open(folder("recordio") + "/a", "wb") as out:
            out.write(b"".join(record(x, y) for x, y in zip(X, Y)))
        check(data_utils.get_dmatrix(root + "/recordio", "recordio-protobuf"), "recordio")
        os.rename(root + "/recordio/a", root + "/pipe_0")
        check(data_utils.get_dmatrix(root + "/pipe", "recordio-protobuf", is_pipe=True), "pipe")

        weights = np.arange(200, dtype=np.float32)
        np.savetxt(folder("weights") + "/a", np.column_stack([Y, weights, X]), delimiter=",")
        weighted = data_utils.get_dmatrix(root + "/weights", "csv", csv_weights=1)
        check(weighted, "weights")
        np.testing.assert_allclose(weighted.get_weight(), weights)
        assert data_utils.get_dmatrix(root + "/none", "csv") is None
        assert data_utils.get_dmatrix(folder("empty"), "csv") is None
        for kind in ("image/png", "text/csv; label_size=2"):
            try:
                data_utils.get_dmatrix(root + "/comma", kind)
                raise AssertionError(kind)
            except data_utils.UserError:
                pass


def one_host_trains_alone():
    seen = {}
    distributed.wait_hostname_resolution(["localhost"])
    os.environ["SM_HOSTS"] = '["localhost"]'
    _wait_hostname_resolution()
    distributed.rabit_run(exec_fun=lambda **args: seen.update(args), args={"a": 1},
                          include_in_training=True, hosts=["algo-1"], current_host="algo-1",
                          update_rabit_args=True)
    assert seen == {"a": 1, "is_master": True}, seen
    for hosts, data in ((["algo-1", "algo-2"], True), (["algo-1"], False)):
        try:
            distributed.rabit_run(exec_fun=print, args={}, include_in_training=data, hosts=hosts,
                                  current_host="algo-1")
            raise AssertionError(hosts)
        except RuntimeError:
            pass


def the_older_framework_module_is_there():
    os.environ.update(SM_HPS='{"a":1}', SM_MODEL_DIR="/m", SM_CHANNELS='["train"]',
                      SM_CHANNEL_TRAIN="/t")
    job = env.training_env()
    assert (job.hyperparameters, job.model_dir) == ({"a": 1}, "/m")
    assert job.channel_input_dirs == {"train": "/t"}
    for kind in (content_types.JSON, content_types.CSV, content_types.NPY):
        back = encoders.decode(encoders.encode(np.array([[1.5, 2.0]]), kind), kind)
        np.testing.assert_allclose(np.atleast_2d(back), [[1.5, 2.0]])
    assert worker.Response("x", mimetype="text/csv").mimetype == "text/csv"


for check in (resumed_training_is_the_uninterrupted_one, what_is_being_uploaded_is_not_deleted,
              every_format_gives_the_same_matrix, one_host_trains_alone,
              the_older_framework_module_is_there):
    check()
    print("ok", check.__name__)
