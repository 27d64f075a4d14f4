#!/usr/bin/env bash
# Runs a test file with the Python of a virtual environment (tools/venv.sh makes it when needed).
#   tests/run_python.sh tests/compat/requirements-sdk2.txt tests/e2e/test_boto3.py
# CLARY_PYTHON names another interpreter to use instead.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${CLARY_PYTHON:-}
[ -n "$python" ] || python=$("$here/../tools/venv.sh" "$1")/bin/python
# Compiled Python goes beside the environment, not into the source tree.
export PATH="$(dirname "$python"):$PATH" PYTHONPYCACHEPREFIX="$(dirname "$python")/../pycache"
exec "$python" "${@:2}"
