#!/usr/bin/env bash
# Prints the path of a Python virtual environment that holds a pinned requirements file, making it
# first if it is missing. One environment per content of the file, kept under ~/.cache/clary
# (or $CLARY_CACHE), so that a second run and a second checkout cost nothing.
#   python=$(tools/venv.sh tests/compat/requirements-sdk2.txt)/bin/python
set -euo pipefail
file=$1
name=$(basename "$file" .txt)-$( (python3 -V; cat "$file") | sha256sum | cut -c1-12)
cache=${CLARY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/clary}/venv
dir=$cache/$name
if [ ! -e "$dir/.complete" ]; then
  mkdir -p "$cache"
  exec 9>"$cache/.$name.lock"
  flock 9
  if [ ! -e "$dir/.complete" ]; then
    echo "making the Python environment $name (once)" >&2
    rm -rf "$dir"
    python3 -m venv "$dir" >&2
    "$dir/bin/pip" install --quiet --disable-pip-version-check -r "$file" >&2
    touch "$dir/.complete"
  fi
fi
echo "$dir"
