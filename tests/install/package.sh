#!/usr/bin/env bash
# package.sh BUILD WORK: makes the Debian package of a build, installs it with its dependencies, and
# nothing else, in a new Debian root, and trains there. Exits 77 (skipped) where no root can be made.
set -euo pipefail
build=$1 work=$2
here=$(cd "$(dirname "$0")" && pwd)
for tool in mmdebstrap dpkg-shlibdeps; do
  command -v $tool >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo "skipped: only root makes a Debian root here"; exit 77; }

rm -rf "$work"
mkdir -p "$work"
(cd "$work" && cpack -G DEB --config "$build/CPackConfig.cmake" -B "$work") >"$work/cpack.log" 2>&1 ||
  { cat "$work/cpack.log"; exit 1; }
deb=$(echo "$work"/clary_*.deb)
"$here/../../examples/data/prepare.sh" "$work/data"

# From where this machine takes its packages.
shopt -s nullglob
sources=(/etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list)
[ -s /etc/apt/sources.list ] && sources+=(/etc/apt/sources.list)
# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
cat >"$work/train.sh" <<'EOF'
set -eu
cd /clary
clary --version
clary train --train train.csv --validation validation.csv --objective binary:logistic --num-round 20 \
  -P eval_metric=auc | tee out
grep -q 'Completed in' out
ls /usr/share/man/man1/clary.1* /usr/share/bash-completion/completions/clary
EOF
mmdebstrap --quiet --variant=apt \
  --customize-hook='mkdir "$1/clary"' \
  --customize-hook="copy-in $deb $work/data/train.csv $work/data/validation.csv $work/train.sh /clary" \
  --customize-hook='chroot "$1" sh -c "apt-get -qq install -y --no-install-recommends /clary/*.deb >/dev/null"' \
  --customize-hook='chroot "$1" sh /clary/train.sh' \
  "$suite" /dev/null "${sources[@]}"
