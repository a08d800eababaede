#!/usr/bin/env bash
# Runs a unittest module (first argument) with the Python of the system.
exec /usr/bin/python3 tools/bazel/run_python_test.py "$@"
