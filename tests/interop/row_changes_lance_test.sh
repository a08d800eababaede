#!/usr/bin/env bash
# Random changes of rows and columns, made by lance-tool and by two releases of Lance, compared
# after every one. One round has a fixed seed, so that a quick run never fails by luck on a mistake of
# the library; more rounds have a new one. OG_SEED repeats a run.
set -euo pipefail
for variable in OG_LANCE10_PYTHON OG_LANCE14_PYTHON; do
  if [ -z "${!variable:-}" ]; then
    echo "$variable is not set: this test needs the real library; run it with ./dev test" >&2
    exit 1
  fi
done
rounds=${1:-1}
seed=1
if [ "$rounds" -gt 1 ]; then seed=$((RANDOM * 32768 + RANDOM)); fi
seed=${OG_SEED:-$seed}
echo "OG_SEED=$seed"
folder=$(mktemp -d "${TEST_TMPDIR:-/tmp}/row_changes.XXXXXX")
trap 'rm -rf "$folder"' EXIT
for python in "$OG_LANCE10_PYTHON" "$OG_LANCE14_PYTHON"; do
  place=$(mktemp -d "$folder/XXXXXX")
  "$python" tests/interop/row_changes.py cli/lance-tool "$place" "$seed" "$rounds"
done
