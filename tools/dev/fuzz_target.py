"""Runs one libFuzzer program until it has used a given amount of processor time.

usage: fuzz_target.py BINARY SECONDS FOUND [CORPUS]

FOUND is a folder: what the program finds and new inputs of its corpus go there; CORPUS is only
read. On a busy machine the processor time is what counts, not the clock. Prints the last line of
statistics of each round; exits 1 on a finding.
"""

import os
import re
import resource
import subprocess
import sys

MARGIN = 1.05  # of a round over what is left, for start-up and waiting
STATUS = re.compile(rb"cov: \d+|DONE|stat::|ERROR|SUMMARY|Test unit written")


def used():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run_round(binary, seconds, found, corpus):
    words = [binary, f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=4096"]
    words += [f"-artifact_prefix={found}/", found, *corpus]
    done = subprocess.run(words, stderr=subprocess.PIPE, check=False)
    lines = done.stderr.splitlines()
    if done.returncode != 0:
        sys.stdout.buffer.write(b"\n".join(lines[-60:]) + b"\n")
        return False
    told = [line for line in lines if STATUS.search(line)]
    sys.stdout.buffer.write((told[-1] if told else b"") + b"\n")
    return True


def main():
    binary, seconds, found, *corpus = sys.argv[1:]
    os.makedirs(found, exist_ok=True)
    while used() < float(seconds):
        left = max(int((float(seconds) - used()) * MARGIN), 1)
        if not run_round(binary, left, found, corpus):
            print(f"{os.path.basename(binary)}: a finding after {used():.0f} s of processor time")
            return 1
        sys.stdout.flush()
    print(f"{os.path.basename(binary)}: no finding in {used():.0f} s of processor time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
