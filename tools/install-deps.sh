#!/usr/bin/env bash
# Installs the Debian packages that a task needs, and only those that are missing.
#   tools/install-deps.sh build          to compile and run Clary
#   tools/install-deps.sh python         for programs from PyPI (tools/venv.sh)
#   tools/install-deps.sh build test     also what the tests need
#   tools/install-deps.sh ci lint        clang and its libFuzzer; clang-tidy
# Works as root or with sudo. Why each package is needed: docs/dependencies.md.
set -euo pipefail

build="g++ cmake ninja-build ccache mold pkg-config ca-certificates
  libboost-dev libssl-dev libcurl4-openssl-dev nlohmann-json3-dev libpugixml-dev libarchive-dev
  libsqlite3-dev libpq-dev libfmt-dev libcli11-dev libfast-float-dev libre2-dev zlib1g-dev libxxhash-dev
  libeigen3-dev libnlopt-dev libisal-dev libsnappy-dev libzstd-dev liblz4-dev libbrotli-dev bubblewrap tzdata"
python="python3 python3-venv"
test="chromium chromium-driver procps libgtest-dev libgmock-dev git python3-dev curl postgresql
  munge slurmctld slurmd slurm-client"
ci="clang-19 clang-format-19 libclang-rt-19-dev mmdebstrap dpkg-dev"

packages=""
for group in "${@:-build}"; do
  case "$group" in
    build) packages+=" $build" ;;
    python) packages+=" $python" ;;
    test) packages+=" $python $test" ;;
    ci) packages+=" $ci" ;;
    lint) packages+=" $ci clang-tidy-19" ;;
    *) echo "$0: unknown group '$group' (build, python, test, ci, lint)" >&2; exit 2 ;;
  esac
done

missing=""
for p in $packages; do
  dpkg-query -W -f='${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed || missing+=" $p"
done
[ -z "$missing" ] && exit 0

as_root=""
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "$0: run as root, or install sudo; missing:$missing" >&2; exit 1; }
  as_root="sudo"
fi
echo "installing:$missing"
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >/dev/null
