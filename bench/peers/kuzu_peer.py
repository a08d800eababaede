"""The comparison's graph and queries with Kuzu; stays resident, so that starting Python costs nothing.

usage: kuzu_peer.py make FOLDER NODES EDGES SEED   writes people.jsonl, and the same as nodes.csv and edges.csv
       kuzu_peer.py load FOLDER DATABASE THREADS   copies the CSV files into a new database
       kuzu_peer.py idle                           starts and ends: what the others take beside their work
       kuzu_peer.py ask DATABASE THREADS NAME NODE the rows of one query as JSON, one array a line
       kuzu_peer.py serve DATABASE THREADS         one query a line on standard input, one answer a line:
           NAME NODE       an answer is `NANOSECONDS ROWS`: from the text to the rows as Arrow columns

Edges are distinct and no loops, so that walks of both sides count the same.
"""

import json
import sys
import time

import kuzu

CITIES = 500

QUERIES = {
    "keyed": "MATCH (p:Person {name: $n}) RETURN p.name, p.age, p.city",
    "one_hop": "MATCH (p:Person {name: $n})-[:Knows]->(q:Person) RETURN q.name",
    "two_hops": "MATCH (p:Person {name: $n})-[:Knows]->(q:Person)-[:Knows]->(r:Person) "
                "RETURN r.city AS c, count(*) AS n ORDER BY c",
    "filtered_two_hops": "MATCH (p:Person)-[:Knows]->(q:Person)-[:Knows]->(r:Person) "
                         "WHERE p.age = 33 AND q.age > 60 "
                         "RETURN r.city AS c, count(*) AS n, avg(r.age) AS a ORDER BY n DESC, c LIMIT 20",
    "reachable": "MATCH (p:Person {name: $n})-[:Knows* SHORTEST 1..4]->(q:Person) "
                 "WHERE q.name <> $n RETURN count(*) AS n",
    "triangles": "MATCH (p:Person {name: $n})-[:Knows]->(q:Person)-[:Knows]->(r:Person), "
                 "(p)-[:Knows]->(r) RETURN count(*) AS n",
    "group_by": "MATCH (p:Person) RETURN p.city AS c, count(*) AS n, avg(p.age) AS a ORDER BY c",
    "top_20": "MATCH (p:Person) RETURN p.name AS name, p.age AS age ORDER BY age DESC, name LIMIT 20",
    "anti_join": "MATCH (p:Person) WHERE NOT EXISTS { MATCH (p)-[:Knows]->(:Person) } "
                 "RETURN count(*) AS n",
}


def power_law_edges(np, random, num_nodes, num_edges):
    """Distinct pairs without loops; who is known follows a power law, who knows a flatter one."""
    edges = np.empty(0, dtype=np.int64)
    while len(edges) < num_edges:
        size = int((num_edges - len(edges)) * 1.3) + 1000
        source = (num_nodes * random.random(size) ** 1.5).astype(np.int64)
        target = (num_nodes * random.random(size) ** 4).astype(np.int64)
        pairs = source * num_nodes + target
        edges = np.unique(np.concatenate([edges, pairs[source != target]]))
    return random.permutation(edges)[:num_edges]


def make(folder, num_nodes, num_edges, seed):
    import numpy as np  # only here: the other commands are timed from their start

    random = np.random.default_rng(seed)
    # Numbers are spread over the names, so that neither side profits from their order.
    names = [f"person-{n * 2654435761 % 4294967296:08x}" for n in range(num_nodes)]
    ages = random.integers(0, 100, num_nodes).tolist()
    cities = [f"city-{n}" for n in (CITIES * random.random(num_nodes) ** 2).astype(int).tolist()]
    edges = power_law_edges(np, random, num_nodes, num_edges)
    years = random.integers(1970, 2030, num_edges).tolist()
    with (open(f"{folder}/people.jsonl", "w", encoding="utf-8") as lines,
          open(f"{folder}/nodes.csv", "w", encoding="utf-8") as nodes,
          open(f"{folder}/edges.csv", "w", encoding="utf-8") as rels):
        nodes.write("name,age,city\n")
        rels.write("from,to,since\n")
        for name, age, city in zip(names, ages, cities):
            lines.write(f'{{"type":"Person","data":{{"name":"{name}","age":{age},"city":"{city}"}}}}\n')
            nodes.write(f"{name},{age},{city}\n")
        for pair, since in zip(edges.tolist(), years):
            source, target = names[pair // num_nodes], names[pair % num_nodes]
            lines.write(f'{{"edge":"Knows","from":"{source}","to":"{target}","data":{{"since":{since}}}}}\n')
            rels.write(f"{source},{target},{since}\n")


def connect(database, threads, read_only=True):
    return kuzu.Connection(kuzu.Database(database, read_only=read_only), num_threads=threads)


def load(folder, database, threads):
    connection = connect(database, threads, read_only=False)
    connection.execute("CREATE NODE TABLE Person(name STRING PRIMARY KEY, age INT32, city STRING)")
    connection.execute("CREATE REL TABLE Knows(FROM Person TO Person, since INT32)")
    connection.execute(f'COPY Person FROM "{folder}/nodes.csv" (HEADER=true)')
    connection.execute(f'COPY Knows FROM "{folder}/edges.csv" (HEADER=true)')
    connection.close()


def run(connection, name, node):
    query = QUERIES[name]
    result = connection.execute(query, {"n": node} if "$n" in query else {})
    return result.get_as_arrow()


def print_rows(table):
    for row in zip(*(column.to_pylist() for column in table.columns)):
        print(json.dumps(row))


def serve(database, threads):
    connection = connect(database, threads)
    for line in sys.stdin:
        name, node = line.split()
        start = time.perf_counter_ns()
        table = run(connection, name, node)
        print(time.perf_counter_ns() - start, table.num_rows, flush=True)


def main(command, *words):
    if command == "make":
        make(words[0], int(words[1]), int(words[2]), int(words[3]))
    elif command == "load":
        load(words[0], words[1], int(words[2]))
    elif command == "idle":
        pass
    elif command == "ask":
        print_rows(run(connect(words[0], int(words[1])), words[2], words[3]))
    else:
        serve(words[0], int(words[1]))


main(*sys.argv[1:])
