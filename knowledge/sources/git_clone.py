"""Clone one commit of a git repository without its history, prompts, hooks, filters, links or submodules."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from knowledge.sources import limits
from knowledge.sources.address import PROTOCOLS, GitRepository, NoSuchDocuments

FETCH_SECONDS = 900.0
_DROPPED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE",
            "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG_PARAMETERS", "GIT_EXTERNAL_DIFF")
_NO_PROMPTS = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "SSH_ASKPASS": "true", "GCM_INTERACTIVE": "never",
               "GIT_SSH_COMMAND": "ssh -oBatchMode=yes", "GIT_ALLOW_PROTOCOL": ":".join(PROTOCOLS), "LC_ALL": "C",
               "GIT_LFS_SKIP_SMUDGE": "1", "GIT_HTTP_LOW_SPEED_LIMIT": "1000", "GIT_HTTP_LOW_SPEED_TIME": "60"}
_OPTIONS = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.symlinks=false", "-c", "core.fsmonitor=false",
            "-c", "core.autocrlf=false", "-c", "filter.lfs.smudge=", "-c", "filter.lfs.process=",
            "-c", "filter.lfs.required=false", "-c", "submodule.recurse=false", "-c", "advice.detachedHead=false",
            "-c", "gc.auto=0")
_WANTS_A_PASSWORD = re.compile(r"could not read (?:Username|Password)|terminal prompts disabled|Authentication failed|"
                               r"Permission denied \(publickey|Host key verification failed|HTTP 40[13]|error: 40[13]")


def clone(repository: GitRepository, to: Path, seconds: float = FETCH_SECONDS) -> str:
    """Write the files of a repository's commit into a new folder; return the commit.

    Args:
        repository: where it is; without a reference, its default branch.
        to: a folder that does not exist.
        seconds: how long the fetching may take.

    Raises:
        NoSuchDocuments: it cannot be fetched, or is too large.
    """
    if shutil.which("git") is None:
        raise NoSuchDocuments(f"{repository}: git is not installed: install it, or name a folder or an archive")
    _git(repository, seconds, "init", "--quiet", "--template=", str(to))
    inside = ("-C", str(to))
    _fetch(repository, inside, seconds)
    found = repository.ref if repository.pinned else "FETCH_HEAD"
    commit = _git(repository, seconds, *inside, "rev-parse", "--verify", "--quiet", f"{found}^{{commit}}").strip()
    _check_size(repository, _git(repository, seconds, *inside, "ls-tree", "-r", "-l", "-z", commit))
    _git(repository, seconds, *inside, "checkout", "--quiet", "--detach", "--force", commit)
    shutil.rmtree(to / ".git")
    return commit


def _fetch(repository: GitRepository, inside: tuple[str, str], seconds: float) -> None:
    """Fetch the commit alone; where a server cannot, all of its branches and tags."""
    fetch = (*inside, "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-commit-graph")
    try:
        _git(repository, seconds, *fetch, "--depth", "1", "--", repository.url, repository.ref or "HEAD")
    except _Failed as failed:
        if "shallow" not in failed.said and not repository.pinned:
            raise
        every = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*") if repository.pinned else \
            (repository.ref or "HEAD",)
        _git(repository, seconds, *fetch, "--", repository.url, *every)


class _Failed(NoSuchDocuments):
    """Git ended with an error."""

    def __init__(self, message: str, said: str) -> None:
        """`said` is what git wrote."""
        super().__init__(message)
        self.said = said


def _git(repository: GitRepository, seconds: float, *arguments: str) -> str:
    """Run git without a terminal; what it wrote.

    Raises:
        _Failed: it ended with an error.
        NoSuchDocuments: it took too long.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _DROPPED} | _NO_PROMPTS
    with subprocess.Popen(["git", *_OPTIONS, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=environment, start_new_session=True) as process:
        try:
            written, said = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise NoSuchDocuments(f"{repository}: fetching took longer than {seconds:,.0f} s: clone it yourself and "
                                  "name the folder") from None
        finally:  # after a time limit or Ctrl-C, git and its helpers end with this program
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        text = said.decode(errors="replace")
        raise _Failed(_reason(repository, text), text)
    return written.decode(errors="surrogateescape")


def _reason(repository: GitRepository, said: str) -> str:
    if _WANTS_A_PASSWORD.search(said):
        return (f"{repository}: the server asks for a name and password: give git access to it (a credential helper, "
                "an SSH key), or clone it yourself and name the folder")
    if not said.strip() or re.search(r"couldn't find remote ref|not our ref", said):
        return f"{repository}: there is no branch, tag or commit {repository.ref or 'HEAD'!r} in it"
    lines = [line for line in said.splitlines() if line.strip()]
    last = next((line for line in lines if line.startswith("fatal:")), lines[-1])
    return f"{repository}: git cannot fetch it: {last.removeprefix('fatal: ').strip()}"


def _check_size(repository: GitRepository, listing: str) -> None:
    sizes = [fields[3] for entry in listing.split("\0") if len(fields := entry.partition("\t")[0].split()) == 4]
    if len(sizes) > limits.MOST_FILES:
        raise NoSuchDocuments(limits.too_many_files(str(repository)))
    if sum(int(size) for size in sizes if size.isdigit()) > limits.MOST_BYTES:
        raise NoSuchDocuments(limits.too_many_bytes(str(repository)))
