"""A spoilt student is found through its server too, by answers, counts of tokens, tokens and likelihoods."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import fakes
import openai
import pytest
import uvicorn
from transformers import AutoTokenizer

from runner.export.chat_server import bound_socket
from runner.export.engine_environments import LLM_COMPRESSOR, OPENVINO, VARIABLE
from runner.export.engine_model import COMPRESSED, OPENVINO_WEIGHTS, opened_folder
from runner.export.inference_engines import ChatServer
from runner.export.measured_tokens import MeasuredTokens
from runner.export.server_facts import AskedServer, facts_of_server
from runner.export.student_export import export
from runner.export.verification import Exported, recorded_test, verify
from runner.student.chat_endpoint import CHAT, chat_endpoint
from runner.student.exported_model import EngineAnswer, ExportedModel
from runner.student.question_rewriting import App, Message, Receive, Scope, Send
from runner.student.prompt_template import prompt_ids, prompt_template_for
from store import queries
from store.analysis.export_verdict import DIFFERENT, SAME
from store.events import AnswerRecord, ExportVerified
from tests.runner.export.test_verify import (
    TEMPLATE, Made, chatml, edited, with_template, with_weights,
)
from tests.runner.student.test_chat_template import folder_of
from tests.runner.tiny_models import llama_folder
from tests.runner.tiny_runs import carried_out, launched

Spoil = Callable[[Path, Path], None]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A finished run of a real tiny student with answers long enough to differ, and its honest export."""
    folder = tmp_path_factory.mktemp("made")
    store, run, paths = launched(folder, llama_folder(folder / "tiny", context=512), repetition_penalty=1.0,
                                 learning_rate=2e-2, max_new_tokens=12, held_out=8)
    carried_out(store, run, paths)
    yield store, run, paths, export(store, paths, run, 1, folder / "exported", "merged").folder
    store.close()


def sampling(app: App) -> App:
    """An app that is asked with temperature 1, whatever its callers say."""
    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != CHAT:
            await app(scope, receive, send)
            return
        body = json.dumps(json.loads((await receive())["body"]) | {"temperature": 1.0, "seed": None}).encode()
        headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]

        async def replayed() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}
        await app({**scope, "headers": [*headers, (b"content-length", str(len(body)).encode())]}, replayed, send)
    return asked


@contextlib.contextmanager
def served(folder: Path, spoil: Callable[[App], App] = lambda app: app) -> Iterator[str]:
    """Serve a folder as `serve-model` does, from a thread."""
    with bound_socket("127.0.0.1", 0) as bound, opened_folder(folder) as exported:
        server = uvicorn.Server(uvicorn.Config(spoil(chat_endpoint(exported, "ours")), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            thread.join()


def verified(made: Made, folder: Path, spoil: Callable[[App], App] = lambda app: app, cycle: int = 1) -> ExportVerified:
    store, run_id, paths, _ = made
    run = queries.find_run(store, run_id)
    assert run
    with served(folder, spoil) as address:
        return verify(store, recorded_test(store, run, cycle), Exported(address),
                      ChatServer(address, measured=MeasuredTokens(run, paths.models)), fakes.FakeJudge(), [],
                      lambda line: None)


def test_an_honest_student_is_the_same_through_its_server(made: Made) -> None:
    found = verified(made, made[3])
    assert found.outcome == SAME and found.equal == found.asked == 8 and found.causes == ()
    compared = {change.metric: change for change in found.changes}
    assert compared["choice_accuracy"].change == 0 and compared["choice_accuracy"].scored >= 6
    assert abs(compared["reference_nll"].change or 0.0) < 1e-3


def without_merges(folder: Path, base: Path) -> None:
    """Another tokenizer, whose tokens the model has: it takes each byte alone."""
    file = folder / "tokenizer.json"
    said = json.loads(file.read_text())
    said["model"]["merges"] = []
    file.write_text(json.dumps(said))


PROCESS = """#!{python}
import json, sys
print(json.dumps({{"engine": "OpenVINO of a test"}}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps({{"ids": {ids}[:asked["max_new_tokens"]]}}), flush=True)
"""


def of_openvino(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / OPENVINO_WEIGHTS)


def of_compressed_tensors(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": {"quant_method": COMPRESSED}}))


@pytest.mark.parametrize(("engine", "mark"), [(OPENVINO, of_openvino), (LLM_COMPRESSOR, of_compressed_tensors)])
def test_an_engine_s_folder_is_served_by_its_process_whole_and_streamed(
        made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str,
        mark: Callable[[Path], None]) -> None:
    folder, python = tmp_path / "its-folder", tmp_path / engine / "bin" / "python"
    shutil.copytree(made[3], folder)
    mark(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("A Pod is a group of containers")["input_ids"]
    python.parent.mkdir(parents=True)
    python.write_text(PROCESS.format(python=sys.executable, ids=[*ids, tokenizer.eos_token_id]))
    python.chmod(0o755)
    (tmp_path / engine / ".stamp").touch()
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with served(folder) as address:
        client = openai.OpenAI(base_url=address, api_key="none", max_retries=0)
        asked = {"model": "ours", "messages": [{"role": "user", "content": "What is a Pod?"}], "max_tokens": 64}
        whole = client.chat.completions.create(**asked)  # type: ignore[call-overload]
        pieces = [chunk.choices[0].delta.content or "" for chunk in
                  client.chat.completions.create(stream=True, **asked) if chunk.choices]  # type: ignore[call-overload]
        short = client.chat.completions.create(**asked | {"max_tokens": 2})  # type: ignore[call-overload]
    assert whole.choices[0].message.content.strip() == "".join(pieces).strip() == "A Pod is a group of containers"
    assert whole.usage.completion_tokens == len(ids) + 1 and whole.choices[0].finish_reason == "stop"
    assert whole.usage.prompt_tokens == len(prompt_ids(tokenizer, prompt_template_for(tokenizer), "What is a Pod?"))
    assert short.usage.completion_tokens == 2 and short.choices[0].finish_reason == "length"


def early_end(folder: Path, base: Path) -> None:
    """Answers end at a token in the middle of most of them."""
    model = ExportedModel(folder)
    words = "What does a Service do for a Pod?", "How is a Job ended?", "Which container is started first?"
    middle = Counter(token for said in words for token in set(model._generate(model.prompt(said), 12)[3:9]))
    edited("generation_config.json", eos_token_id=[2, middle.most_common(1)[0][0]])(folder, base)


@pytest.mark.parametrize(("spoil", "cause"), [
    pytest.param(with_template(TEMPLATE), "tokens fewer than was measured", id="other template"),
    pytest.param(with_template(chatml(bos="<|endoftext|>")), "each has 1 token more", id="a BOS that training had not"),
    pytest.param(with_template(chatml(system="You are a pirate.")), "another prompt: each has", id="system prompt"),
    pytest.param(without_merges, "another tokenizer", id="wrong tokenizer"),
    pytest.param(with_weights(0.0), "the adapter was not applied", id="unmerged LoRA"),
    pytest.param(early_end, "answers end earlier", id="wrong stop"),
    pytest.param(with_weights(0.3), "references' NLL differs", id="LoRA scale"),
    pytest.param(with_weights(0.0, seed=7), "references' NLL differs", id="other base"),
    pytest.param(edited("config.json", rope_parameters={"rope_type": "default", "rope_theta": 100.0}),
                 "references' NLL differs", id="other rope"),
    pytest.param(edited("config.json", max_position_embeddings=64), "a truncated context: 64 tokens",
                 id="truncated context"),
])
def test_a_spoilt_student_is_different_through_its_server(made: Made, tmp_path: Path, spoil: Spoil, cause: str) -> None:
    folder = tmp_path / "spoilt"
    shutil.copytree(made[3], folder)
    spoil(folder, made[2].data / "tiny")
    found = verified(made, folder)
    assert found.outcome == DIFFERENT and cause in found.sentence, found.sentence


def test_a_server_that_samples_whatever_it_is_asked_is_different(made: Made, tmp_path: Path) -> None:
    folder = tmp_path / "spoilt"
    shutil.copytree(made[3], folder)
    edited("generation_config.json", do_sample=True)(folder, folder)
    assert verified(made, folder).outcome == SAME  # for who asks with temperature 0
    found = verified(made, folder, sampling)
    assert found.outcome == DIFFERENT and "as if sampled: of 6 questions" in found.sentence, found.sentence


def test_a_served_student_without_the_bos_of_training_is_different_and_the_honest_one_is_the_same(
        tmp_path: Path) -> None:
    store, run, paths = launched(tmp_path, folder_of("llama-3", tmp_path / "tiny", context=640),
                                 repetition_penalty=1.0, learning_rate=2e-2)
    carried_out(store, run, paths)
    folder = export(store, paths, run, 1, tmp_path / "out", "merged").folder
    assert verified((store, run, paths, folder), folder).outcome == SAME
    template = AutoTokenizer.from_pretrained(folder).chat_template
    with_template(template.replace("<|begin_of_text|>", ""))(folder, folder)
    found = verified((store, run, paths, folder), folder)
    assert found.outcome == DIFFERENT and "another prompt: its tokens are" in found.sentence, found.sentence
    store.close()


def asked(recorded: str, given: str, untrained: str = "", cut: tuple[bool, bool] = (False, False),
          tokens: tuple[int | None, int | None] = (9, 9)) -> AskedServer:
    return AskedServer(AnswerRecord("q", recorded, None, 4, 0.1, cut[0]), untrained,
                       EngineAnswer(given, 4, 0.1, cut[1], tokens[1]), tokens[0])


LONG = "A Pod is a group of containers that share network and storage"
SHORT = "A Pod is a group of containers"
BASE = "The user asks about pods"
OTHER = "A Pod is one or more containers"


@pytest.mark.parametrize(("test", "says", "decides"), [
    ([asked(LONG, LONG, BASE)] * 8, "", False),
    ([asked(LONG, OTHER, BASE)] * 8, "", False),  # another text alone
    ([asked(LONG, LONG, BASE, tokens=(9, None))] * 8, "", False),  # a server that counts nothing
    ([asked(LONG, LONG, BASE, tokens=(9, 12))] * 8, "each has 3 tokens more", True),
    ([asked(LONG, LONG, BASE, tokens=(9, 8))] * 8, "each has 1 token fewer", True),
    ([asked(LONG, LONG, tokens=(9, 9))] * 5 + [asked(LONG, LONG, tokens=(9, 10))] * 3, "", False),  # some odd texts
    ([asked(LONG, LONG, tokens=(9, n)) for n in (10, 12, 13, 14)], "another tokenizer", True),
    ([asked(LONG, LONG, tokens=(9, n)) for n in (1, 2, 3, 9)], "6 tokens fewer", False),  # cached, and not counted
    ([asked(LONG, LONG, tokens=(n, min(n, 20))) for n in range(18, 29)], "8 of 11 prompts are cut at 20 tokens", True),
    ([asked(LONG, LONG, tokens=(n, min(n, 20))) for n in range(12, 23)], "2 of 11 prompts are cut at 20 tokens", False),
    ([asked(LONG, BASE, BASE)] * 8, "the adapter was not applied: 8 answers", True),
    ([asked(BASE, BASE, BASE)] * 8, "", False),  # training changed no answer
    ([asked(LONG, BASE, BASE)] * 6 + [asked(LONG, LONG, BASE)] * 2, "", False),
    ([asked(LONG, BASE, BASE)] * 5, "", False),  # too few
    ([asked(SHORT, LONG, cut=(False, True))] * 8, "do not end where they ended: 8 of 8", True),
    ([asked(SHORT, LONG, cut=(True, True))] * 8, "", False),  # the limit ended both
    ([asked(LONG, SHORT)] * 6 + [asked(LONG, LONG)] * 2, "end earlier: 6 of 8", True),
    ([asked(LONG, SHORT)] * 4 + [asked(LONG, LONG)] * 4, "", False),
])
def test_what_a_server_says_of_itself(test: list[AskedServer], says: str, decides: bool) -> None:
    found = facts_of_server(test)
    assert [fact.decisive for fact in found] == ([decides] if says else [])
    assert says in "".join(fact.phrase for fact in found)


def test_answers_that_change_when_asked_again_are_a_cause_and_decide_where_each_is_new() -> None:
    test = [asked(LONG, LONG)] * 8
    same, other = (EngineAnswer(text, 4, 0.1, False) for text in (LONG, OTHER))
    assert facts_of_server(test, [[same] * 3]) == []
    (fact,) = facts_of_server(test, [[same, other, other]])
    assert "of 3 questions that were asked again 2 got another answer" in fact.phrase and not fact.decisive
    new = [[EngineAnswer(f"{LONG} {time}", 4, 0.1, False)] * 6 for time in range(2)]
    (sampled,) = facts_of_server(test, new)
    (twice,) = facts_of_server(test, [new[0], new[0]])
    assert sampled.decisive and not twice.decisive
