"""An S3 server (moto) on a free port of the loopback, for as long as stdin stays open.

Prints `ready PORT` when it answers. Whoever starts it keeps a pipe to its stdin: when that closes,
also because the process has died, the server ends. The buckets named as arguments exist.
"""

import logging
import sys

from moto.server import ThreadedMotoServer
from werkzeug.serving import WSGIRequestHandler

import boto3

# Connections stay open, as with S3 itself.
WSGIRequestHandler.protocol_version = "HTTP/1.1"
logging.getLogger("werkzeug").setLevel(logging.ERROR)


def main():
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
    for bucket in sys.argv[1:]:
        client.create_bucket(Bucket=bucket)
    print(f"ready {port}", flush=True)
    sys.stdin.read()
    server.stop()


main()
