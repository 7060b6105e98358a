"""Answer tokens per second of whole engines on this CPU, in one run: ours, llama.cpp, OpenVINO GenAI and vLLM.

By hand, for each of the others lives in an environment of its own: `make verify-engines` makes those of llama.cpp and
OpenVINO, `make try-servers ARGS="--folder .engines/vllm"` that of vLLM. One that is not there is left out, and said so.

Same model (the embedded student, untrained), same prompts as tokens, greedy, the same repetition penalty and the same
longest answer; all questions of a batch are asked at once. An answer's end token does not count. Ours is compared with
the quickest that has weights of 16 bits as well: one of 8 bits is another student than the one that the test measured.
A run asks a student that it has just trained: so it is also measured what an engine takes from merged weights to its
first answer (its file written, its process started), and from how many answers on it is quicker with that.

Rounds go through all engines in turn, and each engine's processes live only while it is asked. Rates are of wall time,
over HTTP where the engine is a server; and of processor time, that of the engine's processes, which says more of a
machine that others use: pin all to one core then (`taskset -c 1 make bench ARGS=engines`), where no thread waits for
another one. `ENGINES_BATCHES=24` asks fewer questions than `24,96`.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import psutil

from runner import hardware
from runner.export.engine_environments import LLAMA_CPP, OPENVINO, environment_of, is_installed, running
from runner.export.gguf_file import write_gguf
from runner.export.llama_cpp_server import llama_cpp_server
from runner.export.engine_model import write_quantized
from runner.student.local_student import LocalStudent
from runner.student.models.bundled import embedded_student_folder
from runner.student.prompt_template import prompt_ids
from store.paths import default_paths
from tests.bench.generation import NEW_TOKENS, _ours, _questions, answer_tokens
from tests.bench.row import Row
from tests.plain_runs import plain_run
from tests.try_servers.__main__ import serving

BATCHES = tuple(map(int, os.environ.get("ENGINES_BATCHES", "24,96").split(",")))
ROUNDS, SEQUENCES = 2, 48
OURS = "ours, bf16"
PENALTY = 1.1
START_SECONDS = 600
"""How long vLLM may take to answer."""
_SCRIPTS = Path(__file__).parent / "engine_scripts"

Prompts = Sequence[list[int]]
Measured = tuple[int, float]
"""Answer tokens, and seconds."""
Ask = Callable[[Prompts], Measured]
Engine = Callable[[], contextlib.AbstractContextManager[Ask]]
Rates = dict[tuple[str, int], list[tuple[float, float]]]
"""Engine and number of questions -> tokens per second of wall time and of processor time, by round."""
Seconds = dict[str, float]
"""By engine."""


def measure_engines() -> list[Row]:
    """Tokens per second of each engine and batch, medians of the rounds; ours against the best of the others."""
    hardware.configure_native_libraries()
    student = LocalStudent.open(plain_run(precision="bf16"), default_paths().models)
    questions = _questions(max(BATCHES))
    prompts = [prompt_ids(student.loaded.hf_tokenizer, student.template, question.text) for question in questions]
    ends = list(student.template.stop_ids)
    with tempfile.TemporaryDirectory(prefix="bench-engines-") as name:
        rates, written, started = Rates(), Seconds(), dict[str, list[float]]()
        engines = _engines(embedded_student_folder(default_paths().models), Path(name), ends, written)
        _ours(student, questions[:4])  # the first answers of a process choose kernels, here as below
        for _ in range(ROUNDS):
            for count in BATCHES:
                _measure(rates, OURS, count, lambda count=count: _ours(student, questions[:count]))  # type: ignore[misc]
            for engine, opened in engines.items():
                began = time.perf_counter()
                with opened() as ask:
                    ask(prompts[:4])
                    started.setdefault(engine, []).append(time.perf_counter() - began)
                    for count in BATCHES:
                        _measure(rates, engine, count, lambda count=count: ask(prompts[:count]))  # type: ignore[misc]
    wall, processor = ({key: statistics.median(round_[at] for round_ in found) for key, found in rates.items()}
                       for at in (0, 1))
    prepared = {engine: seconds + statistics.median(started[engine]) for engine, seconds in written.items()}
    return _rows(wall, "") + _rows(processor, " of processor time") + _preparation_rows(wall, prepared)


def _measure(rates: Rates, engine: str, count: int, work: Callable[[], Measured]) -> None:
    used = _processor_seconds(engine)
    tokens, seconds = work()
    used = _processor_seconds(engine) - used
    print(f"{engine}, {count} questions: {tokens} tokens in {seconds:.1f} s, {used:.1f} s of processor time",
          flush=True)
    rates.setdefault((engine, count), []).append((tokens / seconds, tokens / used))


def _processor_seconds(engine: str) -> float:
    """Processor time so far of this process, where it answers itself, or else of all processes that it started."""
    here = psutil.Process()
    found = [here] if engine == OURS else here.children(recursive=True)
    return sum(sum(process.cpu_times()[:2]) for process in found)


def _rows(rates: dict[tuple[str, int], float], time_of: str) -> list[Row]:
    found = []
    for count in BATCHES:
        others = {engine: rate for (engine, asked), rate in rates.items() if asked == count and engine != OURS}
        found += [Row(f"{engine}, {count} questions", rate, f"tokens/s{time_of}") for engine, rate in others.items()]
        ours, alike = rates[OURS, count], [engine for engine in others if engine.endswith("16")]
        best = max(alike, key=lambda engine: others[engine], default="")
        found.append(Row(f"{OURS}, {count} questions", ours, f"tokens/s{time_of}",
                         ours / others[best] if best else None, best, ">= 1.00 x" if best else ""))
    return found


def _preparation_rows(rates: dict[tuple[str, int], float], prepared: Seconds) -> list[Row]:
    found = []
    for engine, seconds in prepared.items():
        found.append(Row(f"{engine}, from merged weights to its first answers", seconds, "s"))
        for count in BATCHES:
            saved = NEW_TOKENS / rates[OURS, count] - NEW_TOKENS / rates[engine, count]
            if saved > 0:
                found.append(Row(f"{engine}, answers of a student after which that pays, {count} at once",
                                 seconds / saved, "answers"))
    return found


def _engines(model: Path, work: Path, ends: list[int], written: Seconds) -> dict[str, Engine]:
    """Engine by name; what each reads is written before anything is measured, in `written` seconds."""
    found: dict[str, Engine] = {}
    if is_installed(LLAMA_CPP):
        for quantization in ("f16", "q8_0"):
            file = work / f"gguf-{quantization}" / "model.gguf"
            file.parent.mkdir()
            engine, began = f"llama.cpp, {quantization.upper()}", time.perf_counter()
            write_gguf(model, file, quantization, "embedded student", "")
            written[engine] = time.perf_counter() - began
            found[engine] = lambda file=file: _llama_cpp(file)  # type: ignore[misc]
    else:
        print("llama.cpp is left out: `make verify-engines` installs it", flush=True)
    if is_installed(OPENVINO):
        for weights, named in (("f16", "bf16"), ("int8", "int8")):  # 16 bits are multiplied in bf16 where the CPU can
            engine, began = f"OpenVINO GenAI, {named}", time.perf_counter()
            write_quantized(OPENVINO, model, work / weights, weights, [])
            written[engine] = time.perf_counter() - began
            found[engine] = lambda weights=weights, named=named: _openvino(  # type: ignore[misc]
                work / weights, named, ends)
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
def _openvino(folder: Path, precision: str, ends: list[int]) -> Iterator[Ask]:
    arguments = [str(folder), str(SEQUENCES), precision]
    with tempfile.TemporaryFile("w+") as errors, running(
            errors, OPENVINO, _SCRIPTS / "openvino_genai_answers.py", arguments) as process:
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
