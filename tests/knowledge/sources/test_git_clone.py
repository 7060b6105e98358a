"""A git repository is fetched from a real server: one commit, no prompts, no hooks, nothing half-written."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from knowledge.loader import name_of, open_knowledge
from knowledge.sources import NoSuchDocuments, folder_of, limits, pin
from knowledge.sources.address import GitRepository
from knowledge.sources.git_clone import clone
from tests.knowledge.folder_files import FACT, fact, write
from tests.knowledge.sources.git_server import backend_of, bare, commit, files_of, git, refusing, serving

PLAIN = FACT.replace("`", "")


@pytest.fixture
def team(tmp_path: Path) -> Path:
    """A repository with a folder of documents, at `team/docs.git` on the server."""
    write(tmp_path / "work" / "guide" / "queues.md", f"# Queues\n\n{FACT}\n")
    write(tmp_path / "work" / "other" / "workers.md", f"# Workers\n\n{fact('worker')}\n")
    commit(tmp_path / "work")
    bare(tmp_path / "work", tmp_path / "served" / "team" / "docs.git")
    return tmp_path / "served"


def head(team: Path) -> str:
    return git(team / "team" / "docs.git", "rev-parse", "HEAD")


def everything(fetched: Path) -> list[str]:
    return sorted(path.relative_to(fetched).as_posix() for path in fetched.rglob("*") if path.is_file())


@pytest.mark.parametrize("handler", [backend_of, files_of])
def test_a_repository_is_fetched_once_and_named_by_its_commit(team: Path, tmp_path: Path, handler: object) -> None:
    fetched, said = tmp_path / "fetched", list[str]()
    with serving(handler(team)) as address:  # type: ignore[operator]
        pinned = pin(f"git+{address}/team/docs.git#subdirectory=guide", fetched, said.append)
        assert pinned == f"git+{address}/team/docs.git@{head(team)}#subdirectory=guide"
        assert pin(f"{address}/team/docs.git@main", fetched) == f"git+{address}/team/docs.git@{head(team)}"
    assert said == [f"fetching git+{address}/team/docs.git#subdirectory=guide"]
    # The server is gone: what is pinned is here.
    assert [passage.text for passage in open_knowledge(pinned, "", fetched).passages] == [PLAIN]
    assert name_of(pinned) == "Guide" and name_of(pinned.partition("#")[0]) == "Docs"
    kept = head(team)[:40]
    assert everything(fetched) == [f"{kept}/content/guide/queues.md", f"{kept}/content/other/workers.md",
                                   f"{kept}/source.json"]
    assert json.loads((fetched / kept / "source.json").read_text())["address"] == pinned


def test_a_branch_is_looked_up_again_and_an_earlier_commit_stays(team: Path, tmp_path: Path) -> None:
    fetched, first = tmp_path / "fetched", head(team)
    with serving(backend_of(team)) as address:
        before = pin(f"{address}/team/docs.git", fetched)
        write(tmp_path / "work" / "guide" / "queues.md", f"# Queues\n\n{fact('lane')}\n")
        commit(tmp_path / "work")
        git(tmp_path / "work", "push", "--quiet", str(team / "team" / "docs.git"), "main")
        after = pin(f"{address}/team/docs.git", fetched)
        assert before.endswith(first) and after != before
        elsewhere = tmp_path / "another"
        assert PLAIN in (folder_of(before, elsewhere) / "guide" / "queues.md").read_text().replace("`", "")
    texts = [{passage.text for passage in open_knowledge(one, "", fetched).passages} for one in (before, after)]
    assert texts[0] - texts[1] == {PLAIN} and texts[1] - texts[0] == {fact("lane")}


def test_nothing_of_a_repository_is_executed_and_no_link_is_made(tmp_path: Path) -> None:
    work, mark = tmp_path / "work", tmp_path / "mark"
    write(work / "page.md", f"# Page\n\n{FACT}\n")
    write(work / ".gitattributes", "*.md filter=evil\n")
    write(work / ".gitmodules", f'[submodule "s"]\n\tpath = s\n\turl = {tmp_path}/none\n')
    (work / "passwords.md").symlink_to("/etc/passwd")
    commit(work)
    hook = work / ".git" / "hooks" / "post-checkout"
    write(hook, f"#!/bin/sh\ntouch {mark}\n")
    hook.chmod(0o755)
    template = tmp_path / "template" / "hooks" / "post-checkout"
    write(template, f"#!/bin/sh\ntouch {mark}\n")
    template.chmod(0o755)
    os.environ["GIT_TEMPLATE_DIR"] = str(tmp_path / "template")
    try:
        pinned = pin(f"git+file://{work}", tmp_path / "fetched")
    finally:
        del os.environ["GIT_TEMPLATE_DIR"]
    folder = folder_of(pinned, tmp_path / "fetched")
    assert not mark.exists() and not (folder / ".git").exists()
    assert not (folder / "passwords.md").is_symlink() and (folder / "passwords.md").read_text() == "/etc/passwd"


@pytest.mark.parametrize(("text", "said"), [
    ("git+{address}/team/none.git", "cannot fetch it: "),
    ("git+{address}/team/docs.git@nowhere", "there is no branch, tag or commit 'nowhere' in it"),
    ("git+{address}/team/docs.git#subdirectory=none", "there is no folder of that name in it"),
    ("git+{address}/team/docs.git@" + "0" * 40, "there is no branch, tag or commit"),
    ("git+{address}/team/docs.git#egg=x", "'egg' is not known"),
    ("git+{address}/team/docs.git#subdirectory=../..", "leads out of the repository"),
    ("git+https://someone:secret@host.example/docs.git", "would be stored with every run"),
    ("git+ext::sh -c touch% mark", "the protocol 'ext' is not used"),
    ("git+https://host.example/docs.git@--upload-pack=touch", "is no branch, tag or commit"),
    ("https://host.example/docs.tar.gz", "download an archive and name the file"),
    ("http://host.example/pages", "write git+http://host.example/pages for a repository")])
def test_what_cannot_be_fetched_is_said_in_one_sentence_and_leaves_nothing(team: Path, tmp_path: Path, text: str,
                                                                          said: str) -> None:
    fetched = tmp_path / "fetched"
    with serving(backend_of(team)) as address, pytest.raises(NoSuchDocuments) as refused:
        pin(text.replace("{address}", address), fetched)
    assert said in str(refused.value) and "\n" not in str(refused.value) and "secret" not in str(refused.value)
    assert [path.name for path in fetched.glob(".unfinished-*")] == [] if fetched.exists() else True


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_asks_for_a_password_gets_none_and_nobody_is_asked(tmp_path: Path, status: int) -> None:
    with serving(refusing(status)) as address, pytest.raises(NoSuchDocuments, match="asks for a name and password"):
        pin(f"git+{address}/team/docs.git", tmp_path / "fetched")
    assert list((tmp_path / "fetched").iterdir()) == []


def test_a_server_that_never_answers_is_given_up_with_its_processes(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/docs.git"
        with pytest.raises(NoSuchDocuments, match="took longer than 1 s"):
            clone(GitRepository(address), tmp_path / "to", seconds=1)
        silent.settimeout(30)
        connection, _ = silent.accept()
        with connection:
            connection.settimeout(30)
            while connection.recv(4096):
                pass  # git's helper has ended: its side of the connection is closed


def test_too_many_or_too_large_files_are_refused_before_they_are_written(team: Path, tmp_path: Path,
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    for name, least, said in (("MOST_FILES", 1, "more than 1 files"), ("MOST_BYTES", 10, "more than 0 GB")):
        with monkeypatch.context() as patched, pytest.raises(NoSuchDocuments, match=said):
            patched.setattr(limits, name, least)
            pin(f"git+file://{team}/team/docs.git", tmp_path / "fetched")
    assert list((tmp_path / "fetched").iterdir()) == []


def test_what_a_killed_fetch_left_is_removed_by_the_next(team: Path, tmp_path: Path) -> None:
    fetched = tmp_path / "fetched"
    left = fetched / f".unfinished-{os.uname().nodename}-999999999-abc"
    alive = fetched / f".unfinished-{os.uname().nodename}-{os.getpid()}-abc"
    for folder in (left, alive):
        write(folder / "content" / "half.md", "half")
    pin(f"git+file://{team}/team/docs.git", fetched)
    assert not left.exists() and alive.exists()
