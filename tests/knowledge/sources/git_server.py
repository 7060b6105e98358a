"""A real git repository and a real git server over HTTP on this machine, for tests."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ENVIRONMENT = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b.example", "GIT_COMMITTER_NAME": "a",
               "GIT_COMMITTER_EMAIL": "a@b.example", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder; what it wrote."""
    return subprocess.run(["git", "-C", str(folder), *arguments], env=os.environ | ENVIRONMENT, check=True,
                          capture_output=True, text=True).stdout.strip()


def commit(folder: Path, message: str = "state") -> str:
    """Commit everything in a folder, which becomes a repository if it is none; the commit."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def bare(folder: Path, to: Path) -> Path:
    """A bare copy of a repository, as servers have it; also for servers that know files alone."""
    subprocess.run(["git", "clone", "--quiet", "--bare", str(folder), str(to)], env=os.environ | ENVIRONMENT,
                   check=True, capture_output=True)
    git(to, "update-server-info")
    return to


@contextlib.contextmanager
def serving(handler: Any) -> Iterator[str]:
    """The address of a server with this handler, while the block runs."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def files_of(root: Path) -> Any:
    """A handler that serves files alone, which git calls dumb."""
    class Files(SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(root))

        def log_message(self, *given: Any) -> None:
            pass

    return Files


def backend_of(root: Path) -> Any:
    """A handler that hands requests to `git http-backend`."""
    class Backend(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            path, _, query = self.path.partition("?")
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            variables = {"GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
                         "QUERY_STRING": query, "REQUEST_METHOD": self.command,
                         "CONTENT_TYPE": self.headers.get("Content-Type") or "",
                         "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
                         "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "", "REMOTE_ADDR": "127.0.0.1"}
            done = subprocess.run(["git", "http-backend"], input=sent, env=os.environ | ENVIRONMENT | variables,
                                  capture_output=True)
            head, _, body = done.stdout.partition(b"\r\n\r\n")
            lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
            self.send_response(int(lines.pop("Status", "200").split()[0]))
            for name, value in lines.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *given: Any) -> None:
            pass

    return Backend


def refusing(status: int) -> Any:
    """A handler that asks for a password, or refuses."""
    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("WWW-Authenticate", 'Basic realm="docs"')
            self.end_headers()

        def log_message(self, *given: Any) -> None:
            pass

    return Refusing
