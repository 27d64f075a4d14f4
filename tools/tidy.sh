#!/usr/bin/env bash
# clang-tidy with the checks of .clang-tidy.
#   tools/tidy.sh                  the sources changed since main
#   tools/tidy.sh --all            every source
#   tools/tidy.sh src/net/ca.cc    these
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in
  --all) files=$(git ls-files 'src/*.cc' 'apps/*.cc') ;;
  "") files=$(git diff --name-only --diff-filter=d "$(git merge-base HEAD main)" -- 'src/*.cc' 'apps/*.cc') ;;
  *) files=$* ;;
esac
[ -n "$files" ] || { echo "no source has changed"; exit 0; }
[ -e build/clang/compile_commands.json ] || cmake --preset clang >/dev/null
# shellcheck disable=SC2086
printf '%s\n' $files | xargs -P "$(nproc)" -n 1 clang-tidy-19 --quiet -p build/clang 2>&1 |
  { grep -vE '^[0-9]+ warnings? generated|^Suppressed|^Use -header-filter' || true; }
