#!/usr/bin/env bash
# Prints the path of a Python virtual environment that holds exactly a requirements file, making it
# first if it is missing. The file names every package of the environment with its version
# (tools/lock.sh writes it), so nothing is resolved. One environment per content of the file, kept
# under ~/.cache/clary (or $CLARY_CACHE): a second run and a second checkout cost nothing.
#   python=$(tools/venv.sh tests/compat/requirements-sdk2.txt)/bin/python
#   tools/venv.sh --uv            prints the path of uv, which makes them
set -euo pipefail
uv_version=0.13.9
cache=${CLARY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/clary}/venv
uv=$cache/uv-$uv_version/bin/uv

once() {  # DIR WORDS...: runs the words once, ever, for all processes that ask for DIR
  local dir=$1; shift
  [ -e "$dir/.complete" ] && return
  mkdir -p "$cache"
  (
    flock 9
    [ -e "$dir/.complete" ] && exit
    echo "making the Python environment $(basename "$dir") (once)" >&2
    rm -rf "$dir"
    "$@" >&2 && touch "$dir/.complete"
  ) 9>"$cache/.$(basename "$dir").lock"
}

make_uv() {
  python3 -m venv "$cache/uv-$uv_version" &&
    "$cache/uv-$uv_version/bin/pip" install --quiet --disable-pip-version-check "uv==$uv_version"
}

make_environment() {  # DIR FILE
  export UV_CACHE_DIR=$cache/uv-cache
  "$uv" venv --quiet --no-config --python python3 "$1" &&
    "$uv" pip install --quiet --no-config --no-deps --python "$1/bin/python" -r "$2"
}

once "$cache/uv-$uv_version" make_uv
if [ "$1" = --uv ]; then
  echo "$uv"
  exit
fi
dir=$cache/$(basename "$1" .txt)-$( (python3 -V; echo "$uv_version"; cat "$1") | sha256sum | cut -c1-12)
once "$dir" make_environment "$dir" "$1"
echo "$dir"
