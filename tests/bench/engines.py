"""Answer tokens per second of whole engines on this CPU, in one run: ours, llama.cpp, OpenVINO GenAI and vLLM.

By hand, for each of the others lives in an environment of its own: `make verify-engines` makes those of llama.cpp and
OpenVINO, `make try-servers ARGS="--folder .engines/vllm"` that of vLLM. One that is not there is left out, and said so.

Same model (the embedded student, untrained), same prompts as tokens, greedy, the same repetition penalty and the same
longest answer; all questions of a batch are asked at once. An answer's end token does not count. Rates are of wall
time, over HTTP where the engine is a server. Rounds go through all engines in turn, and each engine's processes live
only while it is asked.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai

from runner import hardware
from runner.export.engine_environments import LLAMA_CPP, OPENVINO, environment_of, is_installed, running
from runner.export.gguf_file import write_gguf
from runner.export.llama_cpp_server import llama_cpp_server
from runner.export.openvino_model import write_openvino
from runner.student.local_student import LocalStudent
from runner.student.models.bundled import embedded_student_folder
from runner.student.prompt_template import prompt_ids
from store.paths import default_paths
from tests.bench.generation import NEW_TOKENS, _ours, _questions, answer_tokens
from tests.bench.row import Row
from tests.plain_runs import plain_run
from tests.try_servers.__main__ import serving

BATCHES, ROUNDS, SEQUENCES = (24, 96), 2, 48
PENALTY = 1.1
START_SECONDS = 600
"""How long vLLM may take to answer."""
_SCRIPTS = Path(__file__).parent / "engine_scripts"

Prompts = Sequence[list[int]]
Measured = tuple[int, float]
"""Answer tokens, and seconds."""
Ask = Callable[[Prompts], Measured]
Engine = Callable[[], contextlib.AbstractContextManager[Ask]]


def measure_engines() -> list[Row]:
    """Tokens per second of each engine and batch, medians of the rounds; ours against the best of the others."""
    hardware.configure_native_libraries()
    student = LocalStudent.open(plain_run(precision="bf16"), default_paths().models)
    questions = _questions(max(BATCHES))
    prompts = [prompt_ids(student.loaded.hf_tokenizer, student.template, question.text) for question in questions]
    ends = list(student.template.stop_ids)
    with tempfile.TemporaryDirectory(prefix="bench-engines-") as name:
        engines = _engines(embedded_student_folder(default_paths().models), Path(name), ends)
        rates: dict[tuple[str, int], list[float]] = {}
        _ours(student, questions[:4])  # the first answers of a process choose kernels, here as below
        for _ in range(ROUNDS):
            for count in BATCHES:
                tokens, seconds = _ours(student, questions[:count])
                rates.setdefault(("ours, bf16", count), []).append(tokens / seconds)
            for engine, opened in engines.items():
                with opened() as ask:
                    ask(prompts[:4])
                    for count in BATCHES:
                        tokens, seconds = ask(prompts[:count])
                        rates.setdefault((engine, count), []).append(tokens / seconds)
    return _rows({key: statistics.median(values) for key, values in rates.items()})


def _rows(rates: dict[tuple[str, int], float]) -> list[Row]:
    found = []
    for count in BATCHES:
        others = {engine: rate for (engine, asked), rate in rates.items() if asked == count and engine != "ours, bf16"}
        found += [Row(f"{engine}, {count} questions", rate, "tokens/s") for engine, rate in others.items()]
        ours = rates["ours, bf16", count]
        best = max(others, key=lambda engine: others[engine], default="")
        found.append(Row(f"ours, bf16, {count} questions", ours, "tokens/s", ours / others[best] if best else None,
                         best, ">= 1.00 x" if best else ""))
    return found


def _engines(model: Path, work: Path, ends: list[int]) -> dict[str, Engine]:
    """Engine by name; what each reads is written before anything is measured."""
    found: dict[str, Engine] = {}
    if is_installed(LLAMA_CPP):
        for quantization in ("f16", "q8_0"):
            file = work / quantization / "model.gguf"
            file.parent.mkdir()
            write_gguf(model, file, quantization, "embedded student", "")
            found[f"llama.cpp, {quantization.upper()}"] = lambda file=file: _llama_cpp(file)  # type: ignore[misc]
    else:
        print("llama.cpp is left out: `make verify-engines` installs it", flush=True)
    if is_installed(OPENVINO):
        write_openvino(model, work / "openvino", "int8", [])
        found["OpenVINO GenAI, int8"] = lambda: _openvino(work / "openvino", ends)
    else:
        print("OpenVINO GenAI is left out: `make verify-engines` installs it", flush=True)
    vllm = environment_of("vllm") / "environment" / "bin" / "python"
    if vllm.is_file():
        found["vLLM, bf16"] = lambda: _vllm(vllm, model, work)
    else:
        print('vLLM is left out: `make try-servers ARGS="--folder .engines/vllm"` installs it', flush=True)
    return found


@contextlib.contextmanager
def _llama_cpp(file: Path) -> Iterator[Ask]:
    with llama_cpp_server(file, "student", parallel=SEQUENCES) as (url, _):
        yield _over_http(url, "student", {"repeat_penalty": PENALTY})


@contextlib.contextmanager
def _vllm(python: Path, model: Path, work: Path) -> Iterator[Ask]:
    with serving(python, model, work, time.monotonic() + START_SECONDS, SEQUENCES) as url:
        yield _over_http(url, str(model), {"repetition_penalty": PENALTY})


@contextlib.contextmanager
def _openvino(folder: Path, ends: list[int]) -> Iterator[Ask]:
    with tempfile.TemporaryFile("w+") as errors, running(
            errors, OPENVINO, _SCRIPTS / "openvino_genai_answers.py", [str(folder), str(SEQUENCES)]) as process:
        process.read()

        def ask(prompts: Prompts) -> Measured:
            process.send(json.dumps({"prompts": list(prompts), "max_new_tokens": NEW_TOKENS,
                                     "repetition_penalty": PENALTY, "stop_ids": ends}))
            found = process.read()
            answers, seconds = found["answers"], found["seconds"]
            assert isinstance(answers, list) and isinstance(seconds, float)
            return sum(answer_tokens(one, ends) for one in answers), seconds
        yield ask


def _over_http(url: str, model: str, more: dict[str, float]) -> Ask:
    """Ask all prompts at once, each in a thread of its own."""
    client = openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=600)

    def answer(prompt: list[int]) -> int:
        made = client.completions.create(model=model, prompt=prompt, max_tokens=NEW_TOKENS, temperature=0,
                                         extra_body=more)
        assert made.usage
        return made.usage.completion_tokens - (made.choices[0].finish_reason == "stop")

    def ask(prompts: Prompts) -> Measured:
        with ThreadPoolExecutor(len(prompts)) as threads:
            began = time.perf_counter()
            tokens = sum(threads.map(answer, prompts))
            return tokens, time.perf_counter() - began
    return ask
