#!/bin/sh
# Unpacks the census data (census/README.md) into a directory: train.csv, validation.csv, test.csv.
#   examples/data/prepare.sh DIR
set -eu
[ $# = 1 ] || { sed -n '2,3s/^# \{0,1\}//p' "$0" >&2; exit 2; }
from=$(dirname "$0")/census
mkdir -p "$1"
for part in train validation test; do
  gzip -dc "$from/$part.csv.gz" > "$1/.$part.csv.$$" && mv "$1/.$part.csv.$$" "$1/$part.csv"
done
cp "$from/columns.txt" "$1/columns.txt"
echo "$1: $(wc -l < "$1/train.csv") rows to train, $(wc -l < "$1/validation.csv") to validate, $(wc -l < "$1/test.csv") to test"
