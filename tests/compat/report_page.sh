#!/usr/bin/env bash
# Builds the reports' page from web/ again and compares it with the committed one. Needs npm; without
# it, or without the packages, the test is skipped.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
command -v npm >/dev/null || { echo "SKIPPED: no npm"; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tar -C "$root/web" --exclude=node_modules --exclude=dist -cf - . | tar -C "$scratch" -xf -
cd "$scratch"
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error || { echo "SKIPPED: npm cannot get the packages"; exit 77; }
npm run --silent build >build.log 2>&1 || { cat build.log; exit 1; }
cmp dist/report.html "$root/web/dist/report.html" || {
  echo "web/dist/report.html is not what web/ builds: run 'npm ci && npm run build' there and commit it" >&2
  exit 1
}
