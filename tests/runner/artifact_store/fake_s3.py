"""A fake S3 (moto) at an address of this machine, in a process of its own."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key-of-tests", "AWS_SECRET_ACCESS_KEY": "secret-of-tests",
               "AWS_EC2_METADATA_DISABLED": "true"}
START_SECONDS = 300.0


@contextlib.contextmanager
def fake_s3(bucket: str) -> Iterator[str]:
    """Serve S3 with one empty bucket; yields the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _until_bucket(process, f"{address}/{bucket}")
        yield address
    finally:
        process.kill()
        process.wait()


def _until_bucket(process: subprocess.Popen[bytes], bucket: str) -> None:
    """Create the bucket, as soon as the server answers."""
    limit = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(urllib.request.Request(bucket, method="PUT"), timeout=60).read()
            return
        except urllib.error.HTTPError:
            raise
        except OSError:
            assert process.poll() is None and time.monotonic() < limit, "the fake S3 did not start"
            time.sleep(0.1)
