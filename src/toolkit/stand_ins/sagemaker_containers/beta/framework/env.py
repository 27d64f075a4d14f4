"""The job, as its SM_* variables tell it."""
import json
import os


class TrainingEnv:
    """SM_MODEL_DIR as model_dir, SM_HPS as hyperparameters, SM_HOSTS as hosts, and so on."""

    def __getattr__(self, name):
        names = {"hyperparameters": "SM_HPS"}
        variable = names.get(name, "SM_" + name.upper())
        if variable not in os.environ:
            raise AttributeError("%s is not set" % variable)
        value = os.environ[variable]
        try:
            return json.loads(value)
        except ValueError:
            return value

    @property
    def channel_input_dirs(self):
        return {name: os.environ["SM_CHANNEL_" + name.upper()] for name in self.channels}


def training_env():
    return TrainingEnv()
