#!/usr/bin/env bash
# Installs what the tests need, builds, and runs every test.
#   ./test.sh                 everything, in the dev build
#   ./test.sh -R objects      arguments go to ctest
#   ./test.sh --all           also format, headers, sanitizers and clang
set -euo pipefail
cd "$(dirname "$0")"

all=false
[ "${1:-}" = --all ] && { all=true; shift; }

step() { printf '\n== %s (%dm%02ds)\n' "$1" $((SECONDS / 60)) $((SECONDS % 60)); }
jobs=$(nproc)

step "dependencies"
tools/install-deps.sh build test
for requirements in tests/compat/requirements-*.txt; do
  tools/venv.sh "$requirements" >/dev/null
done

build() {  # preset, then targets; no target: all
  local preset=$1; shift
  [ -e "build/$preset/build.ninja" ] || cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset" -j "$jobs" ${1:+--target "$@"} | grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking)' || true
  return "${PIPESTATUS[0]}"
}

if $all; then
  step "format"
  git ls-files '*.h' '*.cc' | xargs clang-format-19 --dry-run --Werror
fi

step "build dev"
build dev
if $all; then
  step "every header alone"
  build dev all_verify_interface_header_sets
  step "clang with thread-safety analysis"
  build clang clary
  step "address and undefined-behaviour sanitizers: what parses foreign bytes"
  parsers="base net data meta api objects debugger"
  build asan $(for m in $parsers; do echo "clary_${m}_test"; done)
  ctest --preset asan -j "$jobs" -R "^(${parsers// /|})\\." --timeout 300 -Q -O build/asan/ctest.log || { tail -n 200 build/asan/ctest.log; exit 1; }
  tail -n 3 build/asan/ctest.log
  step "thread sanitizer: what has threads"
  threaded="base net exec control"
  build tsan $(for m in $threaded; do echo "clary_${m}_test"; done)
  ctest --preset tsan -j "$jobs" -R "^(${threaded// /|})\\." --timeout 300 -Q -O build/tsan/ctest.log || { tail -n 200 build/tsan/ctest.log; exit 1; }
  tail -n 3 build/tsan/ctest.log
fi

step "tests"
ctest --preset dev -j "$jobs" "$@"
