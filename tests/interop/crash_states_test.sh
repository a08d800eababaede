#!/usr/bin/env bash
# What dying writers leave, and what recovery makes of it, is valid for two releases of Lance. OG_SEED
# repeats a run, the argument is the number of states of each writer.
set -euo pipefail
for variable in OG_LANCE10_PYTHON OG_LANCE14_PYTHON; do
  if [ -z "${!variable:-}" ]; then
    echo "$variable is not set: this test needs the real library; run it with ./dev test" >&2
    exit 1
  fi
done
export OG_SEED=${OG_SEED:-1}
echo "OG_SEED=$OG_SEED"
folder=$(mktemp -d "${TEST_TMPDIR:-/tmp}/crash_states.XXXXXX")
trap 'rm -rf "$folder"' EXIT
tests/interop/write_crash_states "$folder" "$1"
for python in "$OG_LANCE10_PYTHON" "$OG_LANCE14_PYTHON"; do
  "$python" tests/interop/crash_states.py "$folder"
done
