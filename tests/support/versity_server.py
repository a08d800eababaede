"""versitygw, an S3 server that checks signatures, on a free port of the loopback.

    versity_server.py PROGRAM FOLDER [--tls]

Prints `ready PORT` when it answers and ends when its stdin closes, like s3_server.py. Objects stand
in FOLDER/data; the bucket `test-bucket` exists; the keys are `test-key` and `test-secret`. With --tls
it has a certificate for `localhost` by an authority of its own, FOLDER/ca.pem.
"""

import datetime
import os
import signal
import socket
import subprocess
import sys
import threading
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_certificates(folder):
    """ca.pem, and cert.pem with key.pem for the name localhost: no other name, no address."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    now = datetime.datetime.now(datetime.timezone.utc)

    def certificate(subject, key, issuer, issuer_key, extensions):
        def name(text):
            return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

        builder = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=2))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        return builder.sign(issuer_key, hashes.SHA256())

    def save(name, content):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)

    pem = serialization.Encoding.PEM
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = certificate(
        "authority", authority_key, "authority", authority_key, [x509.BasicConstraints(True, 0)]
    )
    key = ec.generate_private_key(ec.SECP256R1())
    server = certificate(
        "localhost", key, "authority", authority_key,
        [x509.SubjectAlternativeName([x509.DNSName("localhost")])],
    )
    save("ca.pem", authority.public_bytes(pem))
    save("cert.pem", server.public_bytes(pem))
    save("key.pem", key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main():
    program, folder = sys.argv[1:3]
    os.makedirs(os.path.join(folder, "data/test-bucket"), exist_ok=True)
    port = free_port()
    words = [program, "--port", f"127.0.0.1:{port}", "--access", "test-key", "--secret",
             "test-secret", "--keep-alive", "--quiet"]
    if "--tls" in sys.argv[3:]:
        write_certificates(folder)
        words += ["--cert", os.path.join(folder, "cert.pem"), "--key",
                  os.path.join(folder, "key.pem")]
    words += ["posix", os.path.join(folder, "data")]
    server = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while not answers(port):
        if server.poll() is not None:
            sys.exit(f"versitygw ended with {server.returncode}")
        time.sleep(0.02)
    print(f"ready {port}", flush=True)
    sys.stdin.read()
    server.send_signal(signal.SIGTERM)
    killer = threading.Timer(5, server.kill)
    killer.start()
    server.wait()
    killer.cancel()


main()
