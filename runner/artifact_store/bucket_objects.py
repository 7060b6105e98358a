"""Objects in an S3 bucket, by pyarrow's file system, which `datasets` brings. The only module that imports pyarrow.fs.

pyarrow writes anonymously where it finds no credentials; `credentials.py` refuses that before.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from pyarrow.fs import AwsStandardS3RetryStrategy, FileType, S3FileSystem

from runner.artifact_store.errors import ArtifactStoreDenied, ArtifactStoreError
from runner.artifact_store.objects import Readable, copy_hashed

CONNECT_SECONDS, REQUEST_SECONDS, ATTEMPTS = 10.0, 60.0, 4
_DENIED = ("ACCESS_DENIED", "NO_SUCH_BUCKET", "INVALID_ACCESS_KEY_ID", "INVALID_SIGNATURE", "SIGNATURE_DOES_NOT_MATCH",
           "INVALID_CLIENT_TOKEN_ID", "EXPIRED_TOKEN", "HTTP status 401", "HTTP status 403", "does not exist",
           "NoSuchBucket", "AccessDenied")
"""What an answer contains that another attempt would give again."""


@dataclass(frozen=True)
class _Reader:
    """An open object; its errors are those of the artifact store."""

    source: Readable
    translated: Callable[[], AbstractContextManager[None]]

    def read(self, size: int = -1) -> bytes:
        with self.translated():
            return bytes(self.source.read() if size < 0 else self.source.read(size))


class BucketObjects:
    """Objects in a bucket, below a prefix."""

    def __init__(self, address: str, bucket: str, prefix: str, region: str | None, endpoint: str | None,
                 scheme: str | None) -> None:
        self.address = address
        self._bucket = bucket
        self._root = f"{bucket}/{prefix}" if prefix else bucket
        self._files = S3FileSystem(
            region=region or ("us-east-1" if endpoint else None), endpoint_override=endpoint, scheme=scheme,
            connect_timeout=CONNECT_SECONDS, request_timeout=REQUEST_SECONDS,
            retry_strategy=AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS))

    def write(self, key: str, file: BinaryIO, size: int) -> str:
        """Upload, and compare the size of what is kept: a write without credentials was seen to keep other bytes."""
        with self._translated(key):
            with self._files.open_output_stream(f"{self._root}/{key}") as target:
                digest, copied = copy_hashed(file, target, size)
            kept = self._files.get_file_info(f"{self._root}/{key}").size
        if kept != copied:
            raise ArtifactStoreError(f"{self.address}: it kept {kept} bytes of {key}, of which {copied:,} were sent")
        return digest

    @contextlib.contextmanager
    def read(self, key: str) -> Iterator[Readable]:
        with self._translated(key):
            if self._files.get_file_info(f"{self._root}/{key}").type != FileType.File:
                if self._files.get_file_info(self._bucket).type == FileType.NotFound:
                    raise ArtifactStoreDenied(f"{self.address}: bucket {self._bucket} does not exist")
                raise FileNotFoundError(key)
            source = self._files.open_input_stream(f"{self._root}/{key}")
        try:  # errors of who reads, such as a full disk, are not those of the bucket
            yield _Reader(source, partial(self._translated, key))
        finally:
            source.close()

    def age_seconds(self, key: str) -> float | None:
        with self._translated(key):
            info = self._files.get_file_info(f"{self._root}/{key}")
        return time.time() - info.mtime_ns / 1e9 if info.type == FileType.File else None

    def delete(self, key: str) -> None:
        with self._translated(key), contextlib.suppress(FileNotFoundError):
            self._files.delete_file(f"{self._root}/{key}")

    @contextlib.contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        """Raise what pyarrow raises as an error of the artifact store; a key that does not exist stays one."""
        try:
            yield
        except ArtifactStoreError:
            raise
        except FileNotFoundError as error:
            if str(error) == key:
                raise
            raise ArtifactStoreDenied(f"{self.address}: {error}") from error
        except OSError as error:
            denied = any(word in str(error) for word in _DENIED)
            raise (ArtifactStoreDenied if denied else ArtifactStoreError)(f"{self.address}: {error}") from error
