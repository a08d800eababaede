"""Tables of one shape each, by seed, for the `format` case.

usage: lance_tables.py make SHAPE TABLE    writes a table with the real Lance library
       lance_tables.py scan TABLE          scans it once: for the memory that this takes
       lance_tables.py start               only imports what the others do
"""

import sys

import lance
import numpy as np
import pyarrow as pa

SEED = 1
SYLLABLES = (("in", "con", "pre", "sub", "inter", "trans", "re", "un"),
             ("form", "port", "sist", "tain", "duct", "ject", "vert", "scribe", "mit", "pose"))


def vectors(random):
    """100,000 vectors of 768 floats: 307 MB."""
    items = pa.array(random.random(100_000 * 768, dtype=np.float32))
    return {"vector": pa.FixedSizeListArray.from_arrays(items, 768)}


def labels(random):
    """5,000,000 of 200 different strings: 109 MB."""
    names = np.array([f"category-{k}-{'x' * (k % 12)}" for k in range(200)])
    return {"label": pa.array(names[random.integers(0, 200, 5_000_000)])}


def integers(random):
    """5,000,000 rows of a key, a small, a large and a sorted number: 140 MB."""
    rows = 5_000_000
    return {
        "key": pa.array(np.arange(rows, dtype=np.int64)),
        "small": pa.array(random.integers(0, 10_000, rows, dtype=np.int32)),
        "large": pa.array(random.integers(-2**40, 2**40, rows, dtype=np.int64)),
        "sorted": pa.array(np.sort(random.integers(0, 10**9, rows, dtype=np.int64))),
    }


def text(random):
    """100,000 texts of 20 to 250 words: 111 MB."""
    words = np.array([a + b for a in SYLLABLES[0] for b in SYLLABLES[1]])
    texts = [" ".join(words[random.integers(0, len(words), count)])
             for count in random.integers(20, 250, 100_000)]
    return {"text": pa.array(texts)}


def nested(random):
    """2,000,000 lists of lists of integers, up to 5 items at each level: 78 MB."""
    rows = 2_000_000
    outer = np.concatenate([[0], np.cumsum(random.integers(0, 6, rows))]).astype(np.int32)
    inner = np.concatenate([[0], np.cumsum(random.integers(0, 6, outer[-1]))]).astype(np.int32)
    items = pa.array(random.integers(0, 1 << 20, inner[-1], dtype=np.int32))
    lists = pa.ListArray.from_arrays(pa.array(inner), items)
    return {"lists": pa.ListArray.from_arrays(pa.array(outer), lists)}


SHAPES = {shape.__name__: shape for shape in (vectors, labels, integers, text, nested)}


def main():
    if sys.argv[1] == "make":
        table = pa.table(SHAPES[sys.argv[2]](np.random.default_rng(SEED)))
        lance.write_dataset(table, sys.argv[3], data_storage_version="2.1")
    elif sys.argv[1] == "scan":
        for _ in lance.dataset(sys.argv[2]).scanner().to_batches():
            pass


if __name__ == "__main__":
    main()
