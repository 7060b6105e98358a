"""An artifact store gives back what it was given or refuses, in a folder and in a bucket of a fake S3."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.artifact_store import open_artifact_store
from runner.artifact_store.addresses import open_objects
from runner.artifact_store.artifact_store import ArtifactStore
from runner.artifact_store.credentials import credentials_source
from runner.artifact_store.errors import (
    ArtifactStoreDenied, ArtifactStoreError, InvalidAddress, UnusableObject,
)
from store.files import sha256_of
from tests.runner.artifact_store.failing_s3 import BREAKS_OFF, ERRS, REFUSES, WELL, failing_s3
from tests.runner.artifact_store.fake_s3 import CREDENTIALS, fake_s3

BUCKET = "made-for-tests"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with fake_s3(BUCKET) as address:
        yield address


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.slow)])
def address(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "folder":
        return (tmp_path / "shared").as_uri()
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    prefix = sha256_of(str(tmp_path).encode())[:12]
    return f"s3://{BUCKET}/{prefix}?endpoint_override={request.getfixturevalue('endpoint')}"


def opened(address: str) -> ArtifactStore:
    store = open_artifact_store(address)
    assert store
    return store


def spoil(address: str, digest: str, content: bytes) -> None:
    """Put other content under a name, as a torn or foreign upload would."""
    open_objects(address).write(f"blobs/{digest}", io.BytesIO(content), len(content))


def test_what_was_stored_is_fetched_by_another_process(address: str, tmp_path: Path) -> None:
    file = tmp_path / "adapter.bin"
    file.write_bytes(os.urandom(9_000_001))  # more than two blocks
    digest, size = opened(address).store_file(file)
    assert (digest, size) == (sha256_of(file.read_bytes()), 9_000_001)
    opened(address).fetch(digest, tmp_path / "there" / "adapter.bin")
    assert (tmp_path / "there" / "adapter.bin").read_bytes() == file.read_bytes()
    assert opened(address).read_bytes(opened(address).store_bytes(b"")) == b""


@pytest.mark.parametrize("found", [b"half of", b"half of what was stored, but foreign"])
def test_a_torn_or_foreign_object_is_refused_and_repaired_by_who_has_the_content(address: str, tmp_path: Path,
                                                                                 found: bytes) -> None:
    content = b"half of what was stored, and the rest"
    (tmp_path / "own").write_bytes(content)
    spoil(address, sha256_of(content), found)
    with pytest.raises(UnusableObject, match="incomplete or foreign"):
        opened(address).fetch(sha256_of(content), tmp_path / "there")
    assert not (tmp_path / "there").exists() and not list(tmp_path.glob(".*.tmp"))
    opened(address).store_file(tmp_path / "own")
    assert opened(address).read_bytes(sha256_of(content)) == content


def test_what_is_not_there_is_said(address: str, tmp_path: Path) -> None:
    opened(address).store_bytes(b"something else")
    with pytest.raises(UnusableObject, match="is not in"):
        opened(address).fetch("0" * 64, tmp_path / "there")
    assert opened(address).age_seconds("0" * 64) is None
    digest = opened(address).store_bytes(b"short")
    age = opened(address).age_seconds(digest)
    assert age is not None and age < 3600
    for _ in range(2):
        opened(address).delete(digest)
    assert opened(address).age_seconds(digest) is None


def test_a_full_disk_of_the_reader_is_not_taken_for_a_failing_artifact_store(
        address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = opened(address).store_bytes(b"content")

    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left") as failed:
        opened(address)._copy(digest, Full())
    assert not isinstance(failed.value, ArtifactStoreError)


def test_the_check_writes_reads_back_and_leaves_nothing(address: str, tmp_path: Path) -> None:
    opened(address).check()
    if address.startswith("file:"):
        assert list((tmp_path / "shared").rglob("*")) == []


@pytest.mark.parametrize(("address", "said"), [
    ("data/artifacts", "file:///absolute"), ("file://host/folder", "third slash"), ("file:///", "third slash"),
    ("file:///folder?x=1", "third slash"), ("gs://bucket/x", "s3://bucket"), ("s3:///prefix", "no bucket"),
    ("s3://bucket/prefix?acess=1", "unknown option 'acess'"), ("s3://[::1/prefix", "no address")])
def test_an_address_that_cannot_be_used_is_refused_with_what_to_write(address: str, said: str) -> None:
    with pytest.raises(InvalidAddress, match=said):
        open_objects(address, CREDENTIALS)


@pytest.mark.parametrize("address", ["s3://AKIA:geheim@bucket/prefix", "s3://bucket/prefix?secret_key=geheim"])
def test_an_address_with_a_secret_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(InvalidAddress) as refused:
        open_objects(address, CREDENTIALS)
    assert "geheim" not in str(refused.value) and "AWS_ACCESS_KEY_ID" in str(refused.value)


def test_a_bucket_is_not_opened_without_credentials(tmp_path: Path) -> None:
    nowhere = {"HOME": str(tmp_path)}
    for environment in (nowhere, nowhere | {"AWS_ACCESS_KEY_ID": "only half"},
                        nowhere | {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}):
        with pytest.raises(InvalidAddress, match="there are no credentials"):
            open_objects("s3://bucket/prefix", environment)


@pytest.mark.parametrize(("environment", "source"), [
    ({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}, "AWS_ACCESS_KEY_ID"),
    ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/x", "AWS_ROLE_ARN": "arn"}, "AWS_WEB_IDENTITY_TOKEN_FILE"),
    ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://x"}, "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    ({}, "credentials"), ({"AWS_PROFILE": "team"}, "config"), ({"AWS_PROFILE": "empty"}, None)])
def test_credentials_are_found_where_the_library_looks(tmp_path: Path, environment: dict[str, str],
                                                       source: str | None) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text("[default]\naws_access_key_id = a\naws_secret_access_key = b\n")
    (tmp_path / ".aws" / "config").write_text("[profile team]\nrole_arn = arn\n[profile empty]\nregion = eu\n")
    found = credentials_source(environment | {"HOME": str(tmp_path)})
    assert found == source if source is None else found and found.endswith(source)


def test_a_folder_whose_disk_is_not_mounted_is_not_created(tmp_path: Path) -> None:
    store = opened((tmp_path / "mount" / "artifacts").as_uri())
    with pytest.raises(ArtifactStoreDenied, match="does not exist"):
        store.check()
    with pytest.raises(ArtifactStoreDenied, match="is its disk mounted"):  # nothing is missing: all of it is
        store.read_bytes("0" * 64)
    assert not (tmp_path / "mount").exists()


def test_a_write_that_keeps_other_bytes_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened((tmp_path / "shared").as_uri())
    monkeypatch.setattr(store._objects, "read", lambda key: (tmp_path / "other").open("rb"))
    (tmp_path / "other").write_bytes(b"37B\r\n{}")
    with pytest.raises(ArtifactStoreError, match="not what was written"):
        store.check()


@pytest.mark.slow
def test_a_bucket_that_is_not_there_or_may_not_be_written_is_refused_at_once(
        endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    nowhere = opened(f"s3://no-such-bucket/x?endpoint_override={endpoint}")
    for use in (nowhere.check, lambda: nowhere.read_bytes("0" * 64)):
        with pytest.raises(ArtifactStoreDenied, match="no-such-bucket"):
            use()
    with pytest.raises(ArtifactStoreError, match="refused|connect|resolve") as unreachable:
        opened(f"s3://{BUCKET}/x?endpoint_override=http://127.0.0.1:9").check()
    assert not isinstance(unreachable.value, ArtifactStoreDenied)  # it may answer later


@pytest.mark.slow
@pytest.mark.parametrize("mode", [REFUSES, ERRS, BREAKS_OFF])
def test_a_bucket_that_fails_may_answer_later_and_keeps_nothing_torn(
        endpoint: str, mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "adapter.bin"
    file.write_bytes(os.urandom(1_000_001))
    with failing_s3(endpoint) as between:
        address = (f"s3://{BUCKET}/{mode.replace(' ', '-')}"
                   f"?endpoint_override=http://127.0.0.1:{between.server_address[1]}")
        between.mode = mode
        with pytest.raises(ArtifactStoreError) as failed:
            opened(address).store_file(file)
        assert not isinstance(failed.value, ArtifactStoreDenied) and between.failed
        between.mode = WELL
        with pytest.raises(UnusableObject):
            opened(address).read_bytes(sha256_of(file.read_bytes()))
        digest, _ = opened(address).store_file(file)
        assert opened(address).read_bytes(digest) == file.read_bytes()
