#!/usr/bin/env bash
# Installs what the tests need, builds, and runs every test.
#   ./test.sh                 everything, on what quickstart.sh builds
#   ./test.sh -R objects      arguments go to ctest
#   ./test.sh --ci            also format, headers, clang, and sanitizers and libFuzzer where bytes are
#                             foreign or threads share
#   ./test.sh --all           also clang-tidy, and sanitizers over every module
set -euo pipefail
cd "$(dirname "$0")"

level=0
case "${1:-}" in
  --ci) level=1; shift ;;
  --all) level=2; shift ;;
esac
jobs=$(nproc)
step() { printf '\n== %s (%dm%02ds)\n' "$1" $((SECONDS / 60)) $((SECONDS % 60)); }

build() {  # preset, then targets; no target: all
  local preset=$1; shift
  cmake --preset "$preset" -DCLARY_TESTS=ON >/dev/null
  cmake --build --preset "$preset" -j "$jobs" ${1:+--target "$@"} |
    { grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking)' || true; }
}

# The unit tests of modules under a sanitizer, one process each: starting one costs more than most tests.
sanitized() {  # preset, then modules
  local preset=$1; shift
  # shellcheck disable=SC2046
  build "$preset" $(printf 'clary_%s_test ' "$@")
  printf '%s\n' "$@" | xargs -P "$jobs" -I{} sh -c '
    log=build/'"$preset"'/{}_test.log
    if timeout 900 build/'"$preset"'/src/{}/clary_{}_test --gtest_brief=1 >"$log" 2>&1; then
      printf "%-9s %s\n" "{}" "$(tail -n 1 "$log")"
    else tail -n 100 "$log"; echo "{}: FAILED"; exit 255; fi'
}

parsers="base net data meta api objects gbdt debugger"
threaded="base net exec control gbdt"

step "dependencies"
# shellcheck disable=SC2046
tools/install-deps.sh build test $([ $level -ge 1 ] && echo ci) $([ $level -ge 2 ] && echo lint)
printf '%s\n' tests/compat/requirements-*.txt | xargs -P 4 -n 1 tools/venv.sh >/dev/null

if [ $level -ge 1 ]; then
  step "format"
  git ls-files '*.h' '*.cc' | xargs clang-format-19 --dry-run --Werror
fi

step "build"
build release

if [ $level -ge 1 ]; then
  step "every header alone"
  build release all_verify_interface_header_sets
  step "every source alone: clang with thread-safety analysis"
  build clang
  step "address and undefined-behaviour sanitizers"
  # shellcheck disable=SC2046,SC2086
  sanitized fuzz $parsers $([ $level -ge 2 ] && echo exec runner control server client)
  step "libFuzzer"
  build fuzz fuzz_targets
  ctest --test-dir build/fuzz -L fuzz -j "$jobs" --output-on-failure --no-tests=error
  step "thread sanitizer"
  # shellcheck disable=SC2086
  sanitized tsan $threaded
fi
if [ $level -ge 2 ]; then
  step "clang-tidy"
  tools/tidy.sh --all
fi

step "tests"
ctest --preset release -j "$jobs" "$@"
step "done"
