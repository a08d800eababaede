#!/usr/bin/env bash
# SCRIPT ARGUMENT...: runs a script of this folder with `lance-tool`, a fresh folder and the
# arguments, in the environment of Lance 10. SEED among the arguments stands for that of the run.
set -euo pipefail
if [ -z "${OG_LANCE10_PYTHON:-}" ]; then
  echo "OG_LANCE10_PYTHON is not set: this test needs the real library; run it with ./dev test" >&2
  exit 1
fi
folder=$(mktemp -d "${TEST_TMPDIR:-/tmp}/lance10_script.XXXXXX")
trap 'rm -rf "$folder"' EXIT
script=$1
shift
"$OG_LANCE10_PYTHON" "tests/interop/$script" cli/lance-tool "$folder" "${@/SEED/${OG_SEED:-1}}"
