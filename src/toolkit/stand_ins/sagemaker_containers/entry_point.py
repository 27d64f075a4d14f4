"""Waiting for the hosts of a job."""
import json
import os


def _wait_hostname_resolution():
    from sagemaker_xgboost_container.distributed import wait_hostname_resolution

    wait_hostname_resolution(json.loads(os.environ.get("SM_HOSTS", "[]")))
