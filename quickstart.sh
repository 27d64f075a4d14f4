#!/usr/bin/env bash
# From a fresh clone to a trained model: installs what is missing, builds, and trains on the UCI
# Adult census data with nothing else running.
#   ./quickstart.sh           the C++ command line
#   ./quickstart.sh --sdk     then the same through the SageMaker Python SDK (examples/tutorial.py)
set -euo pipefail
cd "$(dirname "$0")"
sdk=false
case "${1:-}" in
  "") ;;
  --sdk) sdk=true ;;
  *) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say "1. Installing what is missing"
tools/install-deps.sh build

say "2. Building the release preset"
# Only what it needs; test.sh adds the tests to the same build.
[ -e build/release/build.ninja ] || cmake --preset release -DCLARY_TESTS=OFF >/dev/null
cmake --build --preset release -j "$(nproc)" --target clary
clary=$PWD/build/release/apps/clary/clary

say "3. Training on the census data: who earns more than 50,000 dollars a year?"
data=$PWD/build/census
examples/data/prepare.sh "$data"
"$clary" train --train "$data/train.csv" --validation "$data/validation.csv" \
  --objective binary:logistic --num-round 100 \
  -P max_depth=5 -P eta=0.2 -P gamma=4 -P min_child_weight=6 -P subsample=0.7 \
  -P eval_metric=logloss,auc

if $sdk; then
  say "4. The same through the SageMaker Python SDK"
  tools/install-deps.sh python
  venv=$(tools/venv.sh tests/compat/requirements-sdk2.txt)
  home=${CLARY_HOME:-$HOME/.clary}
  started=""
  if ! "$clary" env >/dev/null 2>&1; then
    "$clary" serve --quiet & started=$!
    trap 'kill $started' EXIT
    for _ in $(seq 100); do [ -e "$home/service.json" ] && break; sleep 0.05; done
  fi
  PATH=$venv/bin:$PATH "$clary" exec -- python examples/tutorial.py --data "$data"
fi
