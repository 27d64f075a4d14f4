"""Training that goes on from its last checkpoint: xgboost-checkpoint.<round> files of a directory."""
import os
import re
import tempfile

import xgboost

CHECKPOINT_FILENAME = "xgboost-checkpoint"
FILE_LOCK_SUFFIX = ".sagemaker-uploading"  # a file's upload has begun
FILE_SAFE_SUFFIX = ".sagemaker-uploaded"  # and ended
TEMP_FILE_SUFFIX = ".sagemaker-ignore"  # never uploaded
MAX_TO_KEEP = 5


def _rounds(checkpoint_dir):
    """The rounds that have a checkpoint, in order."""
    if not os.path.isdir(checkpoint_dir):
        return []
    names = (re.fullmatch(re.escape(CHECKPOINT_FILENAME) + r"\.(\d+)", name)
             for name in os.listdir(checkpoint_dir))
    return sorted(int(name.group(1)) for name in names if name)


def _path(checkpoint_dir, number):
    return os.path.join(checkpoint_dir, "%s.%d" % (CHECKPOINT_FILENAME, number))


def load_checkpoint(checkpoint_dir, max_try=5):
    """The newest checkpoint that can be read and the round to go on with: (None, 0) if none."""
    for number in reversed(_rounds(checkpoint_dir)[-max_try:]):
        path = _path(checkpoint_dir, number)
        try:
            xgboost.Booster(model_file=path)
        except xgboost.core.XGBoostError:
            continue  # written in part
        return path, number + 1
    return None, 0


def _prune(checkpoint_dir, max_to_keep):
    for number in _rounds(checkpoint_dir)[:-max_to_keep]:
        path = _path(checkpoint_dir, number)
        uploading = os.path.exists(path + FILE_LOCK_SUFFIX)
        if uploading and not os.path.exists(path + FILE_SAFE_SUFFIX):
            continue
        for name in (path, path + FILE_LOCK_SUFFIX, path + FILE_SAFE_SUFFIX):
            if os.path.exists(name):
                os.remove(name)


def _save(model, checkpoint_dir, number, max_to_keep):
    os.makedirs(checkpoint_dir, exist_ok=True)
    handle, temporary = tempfile.mkstemp(suffix=TEMP_FILE_SUFFIX, dir=checkpoint_dir)
    os.close(handle)
    model.save_model(temporary)
    os.rename(temporary, _path(checkpoint_dir, number))
    _prune(checkpoint_dir, max_to_keep)


if hasattr(xgboost.callback, "TrainingCallback"):

    class SaveCheckpointCallBack(xgboost.callback.TrainingCallback):
        """Saves the model after each round, on the first worker."""

        def __init__(self, checkpoint_dir, start_iteration=0, max_to_keep=MAX_TO_KEEP,
                     num_round=None, rank=0, iteration=0, end_iteration=None):
            super().__init__()
            self.checkpoint_dir = checkpoint_dir
            self.start_iteration = start_iteration
            self.max_to_keep = max_to_keep
            self.rank = rank
            self.end_iteration = end_iteration if end_iteration is not None else num_round

        def after_iteration(self, model, epoch, evals_log):
            number = self.start_iteration + epoch
            if self.rank == 0 and (self.end_iteration is None or number <= self.end_iteration):
                _save(model, self.checkpoint_dir, number, self.max_to_keep)
            return False

    class _PrintEvaluation(xgboost.callback.TrainingCallback):
        """Prints each round's metrics under its number in the whole training."""

        def __init__(self, start_iteration):
            super().__init__()
            self.start_iteration = start_iteration

        def after_iteration(self, model, epoch, evals_log):
            values = []
            for data, metrics in evals_log.items():
                for metric, history in metrics.items():
                    last = history[-1]
                    if isinstance(last, tuple):  # of cross-validation: mean and deviation
                        last = last[0]
                    values.append("%s-%s:%.5f" % (data, metric, last))
            if values:
                print("[%d]\t%s" % (self.start_iteration + epoch, "\t".join(values)), flush=True)
            return False

else:  # before 1.3: functions of an environment

    def SaveCheckpointCallBack(checkpoint_dir, start_iteration=0, max_to_keep=MAX_TO_KEEP,
                               num_round=None, rank=0, iteration=0, end_iteration=None):
        def save(env):
            if env.rank == 0 and rank == 0:
                _save(env.model, checkpoint_dir, start_iteration + env.iteration, max_to_keep)

        return save

    def _PrintEvaluation(start_iteration):
        def show(env):
            values = ["%s:%.5f" % (entry[0], entry[1]) for entry in env.evaluation_result_list]
            if values and env.rank == 0:
                print("[%d]\t%s" % (start_iteration + env.iteration, "\t".join(values)), flush=True)

        return show


def save_checkpoint(checkpoint_dir, start_iteration=0, max_to_keep=MAX_TO_KEEP, num_round=None,
                    rank=0, iteration=0, end_iteration=None):
    """A callback for xgboost.train() that saves the model after each round."""
    return SaveCheckpointCallBack(checkpoint_dir, start_iteration=start_iteration,
                                  max_to_keep=max_to_keep, num_round=num_round, rank=rank,
                                  iteration=iteration, end_iteration=end_iteration)


def train(train_args, checkpoint_dir):
    """xgboost.train(**train_args), from the newest checkpoint of the directory on if it has one."""
    arguments = dict(train_args)
    model, start = load_checkpoint(checkpoint_dir)
    rounds = arguments.get("num_boost_round", 10)
    if model is not None:
        print("Checkpoint loaded from %s" % model, flush=True)
        print("Resuming from iteration %d" % start, flush=True)
        arguments["xgb_model"] = model
    arguments["num_boost_round"] = max(0, rounds - start)
    arguments["verbose_eval"] = False  # the callback prints true numbers
    arguments["callbacks"] = list(arguments.get("callbacks") or []) + [
        _PrintEvaluation(start),
        save_checkpoint(checkpoint_dir, start_iteration=start, num_round=rounds),
    ]
    return xgboost.train(**arguments)
