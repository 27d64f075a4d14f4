#!/usr/bin/env bash
# Writes requirements-*.txt, every package of an environment with its version, from the
# requirements-*.in beside it, which names what we ask for and why. Versions that a .txt has already
# stay where they still fit.
#   tools/lock.sh                                    every environment
#   tools/lock.sh tests/compat/requirements-s3.in    these
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$(tools/venv.sh --uv)
[ $# -gt 0 ] || set -- $(git ls-files '*/requirements-*.in')
for file in "$@"; do
  "$uv" pip compile --quiet --no-config --no-header --annotation-style line --python-version 3.11 \
    "$file" -o "${file%.in}.txt"
done
