"""An S3 server (moto) on a free port of the loopback, for as long as stdin stays open.

    s3_server.py [--log FILE] [BUCKET...]

Prints `ready PORT` when it answers. Whoever starts it keeps a pipe to its stdin: when that closes,
also because the process has died, the server ends. The buckets named as arguments exist. With --log
every request becomes a line of FILE before it is answered: JSON with `method`, `path`, `query`, `range`,
`status`, and the bytes of the bodies, `received` and `sent`.
"""

import argparse
import io
import json
import logging
import sys
import threading

from moto.moto_server import threaded_moto_server
from moto.server import ThreadedMotoServer
from werkzeug.serving import WSGIRequestHandler

import boto3

# Connections stay open, as with S3 itself.
WSGIRequestHandler.protocol_version = "HTTP/1.1"
logging.getLogger("werkzeug").setLevel(logging.ERROR)


def one_at_a_time(application):
    """`application` with requests that are done whole, as S3 does them.

    moto looks whether an object is there and puts it in two steps, and gives it its metadata in a third one.
    """
    lock = threading.Lock()

    def run(environment, start_response):
        length = environment.get("CONTENT_LENGTH")
        if length:
            environment["wsgi.input"] = io.BytesIO(environment["wsgi.input"].read(int(length)))
        with lock:
            return application(environment, start_response)

    return run


def logged(application, file):
    """`application`, with a line in `file` for every request."""

    def run(environment, start_response):
        def start(status, headers, *rest):
            line = {"method": environment["REQUEST_METHOD"], "path": environment["PATH_INFO"],
                    "query": environment["QUERY_STRING"], "range": environment.get("HTTP_RANGE", ""),
                    "status": int(status.split()[0]),
                    "received": int(environment.get("CONTENT_LENGTH") or 0),
                    "sent": int(dict(headers).get("Content-Length") or 0)}
            file.write(json.dumps(line) + "\n")
            file.flush()
            return start_response(status, headers, *rest)

        return application(environment, start)

    return run


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--log")
    parser.add_argument("buckets", nargs="*")
    arguments = parser.parse_args()
    log = open(arguments.log, "a", encoding="utf-8") if arguments.log else None
    make_server = threaded_moto_server.make_server

    def make_whole(host, port, application, *rest, **options):
        application = one_at_a_time(application)
        return make_server(host, port, logged(application, log) if log else application, *rest, **options)

    threaded_moto_server.make_server = make_whole
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    for bucket in arguments.buckets:
        client.create_bucket(Bucket=bucket)
    print(f"ready {port}", flush=True)
    sys.stdin.read()
    server.stop()


main()
