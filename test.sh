#!/usr/bin/env bash
# Installs what the tests need, builds, and runs every test.
#   ./test.sh                 everything, in the dev build
#   ./test.sh -R objects      arguments go to ctest
#   ./test.sh --ci            also format, headers, sanitizers where bytes are foreign or threads share
#   ./test.sh --all           also clang, clang-tidy, libFuzzer, and sanitizers over every module
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
  [ -e "build/$preset/build.ninja" ] || cmake --preset "$preset" >/dev/null
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
tools/install-deps.sh build test $([ $level -ge 2 ] && echo lint)
for requirements in tests/compat/requirements-*.txt; do
  tools/venv.sh "$requirements" >/dev/null
done

if [ $level -ge 1 ]; then
  step "format"
  git ls-files '*.h' '*.cc' | xargs clang-format-19 --dry-run --Werror
fi

step "build dev"
build dev

if [ $level -ge 1 ]; then
  step "every header alone"
  build dev all_verify_interface_header_sets
  step "address and undefined-behaviour sanitizers"
  # shellcheck disable=SC2046,SC2086
  sanitized asan $parsers $([ $level -ge 2 ] && echo exec runner control server client)
  step "thread sanitizer"
  # shellcheck disable=SC2086
  sanitized tsan $threaded
fi
if [ $level -ge 2 ]; then
  step "clang with thread-safety analysis"
  build clang
  step "clang-tidy"
  tools/tidy.sh --all
  step "libFuzzer"
  build fuzz fuzz_targets
  ctest --test-dir build/fuzz -L fuzz -j "$jobs" --output-on-failure --no-tests=error
fi

step "tests"
ctest --preset dev -j "$jobs" "$@"
step "done"
