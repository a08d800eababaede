"""Runs one process and measures it; medians and quartiles of several runs."""

import os
import statistics
import time
from collections import namedtuple

# seconds: from exec to the last byte of output. peak_bytes: largest resident memory.
Run = namedtuple("Run", "seconds peak_bytes output")


def run_process(words, environment=None):
    """Runs `words` to the end; its standard output is read, its errors go to ours."""
    read_end, write_end = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, write_end, 1), (os.POSIX_SPAWN_CLOSE, read_end)]
    start = time.perf_counter()
    pid = os.posix_spawn(words[0], words, {**os.environ, **(environment or {})}, file_actions=actions)
    os.close(write_end)
    chunks = []
    while chunk := os.read(read_end, 1 << 20):
        chunks.append(chunk)
    seconds = time.perf_counter() - start
    os.close(read_end)
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(f"{' '.join(words)}: exit {os.waitstatus_to_exitcode(status)}")
    return Run(seconds, usage.ru_maxrss * 1024, b"".join(chunks))


class Series:
    """Values of one side over the rounds."""

    def __init__(self):
        self.values = []

    def add(self, value):
        self.values.append(value)

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def quartiles(self):
        if len(self.values) < 2:
            return self.values[0], self.values[0]
        low, _, high = statistics.quantiles(self.values, n=4, method="inclusive")
        return low, high


def alternate(sides, rounds, warmups):
    """Runs every side once a round, in turn: A B A B. Returns one list of values a side.

    `sides` are functions that return a value; what the first `warmups` rounds return is dropped.
    """
    collected = [[] for _ in sides]
    for number in range(warmups + rounds):
        for side, values in zip(sides, collected):
            value = side()
            if number >= warmups:
                values.append(value)
    return collected
