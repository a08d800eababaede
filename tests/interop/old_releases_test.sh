#!/usr/bin/env bash
# Datasets of four releases of Lance are read as they read them, in every version; what we append and
# compact there is read by the newest one.
set -euo pipefail
for variable in OG_LANCE0_PYTHON OG_LANCE1_PYTHON OG_LANCE10_PYTHON OG_LANCE14_PYTHON; do
  if [ -z "${!variable:-}" ]; then
    echo "$variable is not set: this test needs old releases of the real library; run it with ./dev test --all" >&2
    exit 1
  fi
done
tool=cli/lance-tool
folder=$(mktemp -d "${TEST_TMPDIR:-/tmp}/old_releases.XXXXXX")
trap 'rm -rf "$folder"' EXIT
failures=0
versions=0
for python in "$OG_LANCE0_PYTHON" "$OG_LANCE1_PYTHON" "$OG_LANCE10_PYTHON" "$OG_LANCE14_PYTHON"; do
  place=$(mktemp -d "$folder/XXXXXX")
  "$python" tests/interop/old_releases.py write "$place" 2>"$place.log" || { cat "$place.log" >&2; exit 1; }
  for expected in "$place"/*.jsonl; do
    name=$(basename "$expected" .jsonl)
    dataset="$place/${name%-*}.lance"
    versions=$((versions + 1))
    if ! "$tool" dump "$dataset" --version "${name##*-}" | cmp -s - "$expected"; then
      echo "$name of $python: other rows" >&2
      failures=$((failures + 1))
    fi
  done
  for dataset in "$place"/*.lance; do
    "$tool" verify "$dataset" --all-versions >/dev/null
    "$tool" dump "$dataset" --limit 3 >"$place/rows.jsonl"
    "$tool" write "$dataset" --mode append --input "$place/rows.jsonl" >/dev/null
    "$tool" compact "$dataset" --threshold 0 >/dev/null
    "$tool" verify "$dataset" --deep >/dev/null
    "$tool" dump "$dataset" >"${dataset%.lance}-now.jsonl"
  done
  "$OG_LANCE14_PYTHON" tests/interop/old_releases.py check "$place" || failures=$((failures + 1))
done
echo "$versions versions, $failures failures"
[ "$failures" = 0 ]
