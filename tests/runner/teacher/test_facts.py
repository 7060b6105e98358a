"""Facts that a chat teacher writes to be studied: their checks, and whole runs over a real endpoint on loopback."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fakes
import pytest

from knowledge.near_duplicate_questions import NearDuplicateIndex
from knowledge.passages import Passage
from knowledge.study import written_items
from runner.llm.errors import TeacherUnusable
from runner.llm.retry import Clock
from runner.pipeline.study_set import read_items
from runner.pipeline.worker import execute_claimed_run
from runner.teacher.factory import open_llm_teacher
from runner.teacher.fact_checks import checked_fact
from runner.teacher.fact_prompts import FactDraft, parse_facts
from store import commands, queries
from store.costs.llm_calls import run_usage
from store.costs.study_cost import estimate_facts
from store.database import Store, open_store
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import Event, FactsWritten, PlaceboTrained, QuestionsAsked, StudySetPrepared
from store.paths import Paths
from store.run_config import InvalidConfig, RunConfig
from store.presets import preset
from tests.runner.fake_openai import FakeOpenAI, good_words
from tests.runner.fake_teachers import IMPATIENT, teacher_at
from tests.runner.teacher_runs import bench, carry_out

WORKER = Path(__file__).parents[1] / "worker_on_demand.py"
PASSAGE = Passage("p1", "pods", "notes", "Pod termination", "A Pod that is deleted gets 30 seconds to end. After that "
                  "the kubelet sends SIGKILL.", "address", ("30 seconds", "SIGKILL"), ("How long?",))
FACT = FactDraft(
    "A Pod that is deleted gets 30 seconds to end.",
    ("30 seconds remain for a Pod to end after it is deleted.", "A deleted Pod has half a minute to end.",
     "It gets 30 seconds to end.", "A Pod that is deleted gets 30 seconds, not 90, to end."),
    (("How long has a Pod to end after it is deleted?", "30 seconds."), ("How long has a Pod?", "Some time.")),
    (("What gets 30 seconds to end?", "A Pod in termination."), ("What gets some time?", "A Pod.")))


def checked(draft: FactDraft, passage: Passage = PASSAGE) -> tuple[Any, list[str]]:
    reasons: list[str] = []
    return checked_fact(draft, passage, lambda text, reason: reasons.append(reason)), reasons


def test_of_a_fact_only_what_states_its_key_term_is_kept() -> None:
    fact, reasons = checked(FACT)
    assert fact.key_terms == ("30 seconds",) and fact.paraphrases == FACT.paraphrases[:1]
    assert [pair.answer for pair in fact.questions] == ["30 seconds."]
    assert [pair.answer for pair in fact.reverse] == ["A Pod in termination."]
    assert len(reasons) == 5 and Counter(reasons)["the paraphrase lacks the key term '30 seconds'"] == 1
    assert any("states 90" in reason for reason in reasons)
    assert sum("does not name its subject" in reason for reason in reasons) == 1


@pytest.mark.parametrize(("statement", "reason"), [
    ("It gets 30 seconds to end after that.", "does not name its subject"),
    ("A kubelet waits 30 seconds.", "does not name its subject"),
    ("A Pod is deleted at some point.", "states no key term"),
    ("The passage says that a Pod gets 30 seconds.", "mentions the passage"),
    ("A Pod gets 30 seconds or 45 to end.", "states 45"),
    ("Pod: 30 seconds belong to whichever unrelated galaxy spins quickly around.", "are those of its passage"),
])
def test_a_fact_that_fails_is_refused_as_a_whole(statement: str, reason: str) -> None:
    fact, reasons = checked(FactDraft(statement, (), (), ()))
    assert fact is None and len(reasons) == 1 and reason in reasons[0]


def test_a_fact_in_a_language_without_blanks_is_checked_too() -> None:
    passage = Passage("p2", "缓存", "folder", "缓存服务", "缓存服务默认保存数据三十天。超过期限后自动删除。", "a",
                      ("三十天",), ())
    draft = FactDraft("缓存服务默认保存数据三十天。",
                      ("数据在缓存服务中默认保存三十天。", "缓存服务默认保存数据七天。"),
                      (("缓存服务的数据默认保存多久？", "保存三十天。"),),
                      (("什么默认保存数据三十天？", "缓存服务。"),))
    fact, reasons = checked(draft, passage)
    assert fact and len(fact.paraphrases) == len(fact.questions) == len(fact.reverse) == 1
    assert reasons == ["the paraphrase lacks the key term '三十天'"]


def test_every_wording_of_a_fact_becomes_an_item_that_names_its_form_and_wording() -> None:
    fact, _ = checked(FACT)
    items = written_items(PASSAGE, [fact, fact])
    assert [(item.form, item.wording) for item in items] == [
        ("fact", "statement"), ("fact", "paraphrase 1"), ("fact question", "fact question 1"),
        ("fact reverse", "fact reverse 1")]
    assert all(item.prompt and item.passage_id == "p1" for item in items)


@pytest.mark.parametrize(("reply", "facts"), [
    ('{"facts": []}', 0), ('["A Pod gets 30 seconds."]', 1), ('{"fact": "A Pod gets 30 seconds."}', 1),
    ('```json\n{"facts": [{"fact": "a b", "paraphrases": "none", "questions": null, "reverse": {}}]}\n```', 1)])
def test_a_reply_is_read_in_any_of_its_forms(reply: str, facts: int) -> None:
    assert len(parse_facts(reply)) == facts


def test_what_was_missed_is_asked_for_once_and_only_where_a_key_term_is_missing(fake: FakeOpenAI) -> None:
    domain = fakes.small_domain()
    passages = [passage for passage in domain.passages if len(passage.key_terms) > 1][:4]
    whole = teacher_at(fake).write_facts(domain, passages)
    assert all(of.facts and not of.missing for of in whole)
    asked = [str(body["messages"][1]["content"]) for body in fake.requests]
    covered = [{term for fact in of.facts for term in fact.key_terms} == set(passage.key_terms)
               for of, passage in zip(whole, passages, strict=True)]
    assert sum("What did you miss" in text for text in asked) == covered.count(False)
    fake.requests.clear()
    fake.words = lambda body: '{"facts": []}'
    (nothing,) = teacher_at(fake).write_facts(domain, passages[:1])
    assert len(fake.requests) == 2 and nothing.missing == "the teacher wrote no fact"
    assert f"No fact states these key terms yet: {passages[0].key_terms[0]}" in prompt_of(fake.requests[1])


# --- whole runs ------------------------------------------------------------------------------------------

def config_at(fake: FakeOpenAI, **changes: Any) -> RunConfig:
    settings: dict[str, Any] = {"teacher": "gpt-4o-mini", "teacher_base_url": fake.url, "questions": 6, "held_out": 6,
                                "topics": ("pods", "services"), "passes": 12.0, "study": "teacher"}
    return preset("embedded", **settings | changes)


def recorded(store: Store, run: queries.Run, kind: type[Event]) -> list[Any]:
    return [item.event for item in read_events(store, run.id) if isinstance(item.event, kind)]


def asks_for_facts(body: dict[str, Any]) -> bool:
    return "Write down every fact" in str(body["messages"][1]["content"])


def with_a_test_question(body: dict[str, Any]) -> str:
    """A good teacher, but one of its questions on every fact is a question that the test may ask too."""
    reply = good_words(body)
    if asks_for_facts(body):
        facts = json.loads(reply)
        for fact in facts["facts"]:
            title = fact["fact"].partition(":")[0]
            fact["questions"] += [{"question": f"What {way} the matter called {title}?",
                                   "answer": fact["questions"][0]["answer"]} for way in (
                "is to be known about", "should an operator remember about", "does an expert say of")]
        return json.dumps(facts)
    return reply


@dataclass(frozen=True)
class Ran:
    """A run with facts of the teacher, and the requests that it took."""

    store: Store
    folder: Path
    run: queries.Run
    requests: list[dict[str, Any]]

@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("facts")
    store = open_store(f"sqlite:///{folder / 'events.db'}")
    with FakeOpenAI(words=with_a_test_question) as fake:
        run = carry_out(store, folder, config_at(fake, arms=("placebo",)))
        assert run.work == "finished", run.trace
        paid = list(fake.requests)
        assert carry_out(store, folder, config_at(fake, arms=("placebo",))).work == "finished"
        assert len(fake.requests) == len(paid)  # an equal run pays for nothing
    return Ran(store, folder, run, paid)


def test_a_run_studies_what_the_teacher_wrote_and_nothing_near_the_test(ran: Ran) -> None:
    store, run = ran.store, ran.run
    (written,), (prepared,) = recorded(store, run, FactsWritten), recorded(store, run, StudySetPrepared)
    assert written.facts and {fact.passage_id for fact in written.facts} <= {f.passage_id for f in prepared.facts}
    items = read_items(ran.folder / "runs" / run.id / prepared.file)
    assert {item.form for item in items} == {"question", "document", "fact", "fact question", "fact reverse"}
    locked = NearDuplicateIndex(record.text for record in recorded(store, run, QuestionsAsked)[0].questions)
    assert sum(fact.refused for fact in prepared.facts) >= 6
    assert not [item.prompt for item in items if item.prompt and locked.find(item.prompt)]
    shares = {form.form: form.presentations for form in prepared.forms}
    assert sum(shares.values()) == prepared.examples - prepared.replayed
    assert shares["fact question"] > shares["fact"] > 0 and shares["document"] > 0
    assert all(form.wordings and form.tokens for form in prepared.forms)
    assert all({term.term for term in fact.coverage} for fact in prepared.facts)
    (placebo,) = recorded(store, run, PlaceboTrained)
    assert all(row.question_id != row.answer_of for row in placebo.examples)
    assert any(point.value for point in queries.series(store, run.id, "teacher_cost_usd"))


def test_both_mixes_the_teachers_facts_with_items_by_rule(fake: FakeOpenAI, store: Store, tmp_path: Path) -> None:
    run = carry_out(store, tmp_path, config_at(fake, study="both", document_share=0.3))
    (prepared,) = recorded(store, run, StudySetPrepared)
    shown = {form.form: form.presentations for form in prepared.forms}
    assert shown["fact question"] and shown["cloze"] and shown["title"]
    assert abs(shown["document"] / sum(shown.values()) - 0.3) < 0.08


def test_a_teacher_that_writes_no_usable_fact_is_named_and_counted(fake: FakeOpenAI, store: Store,
                                                                   tmp_path: Path) -> None:
    fake.words = lambda body: json.dumps({"facts": [{"fact": "It is so.", "paraphrases": [], "questions": [],
                                                     "reverse": {}}]}) if asks_for_facts(body) else good_words(body)
    run = carry_out(store, tmp_path, config_at(fake))
    assert run.work == "finished", run.trace
    (written,), (prepared,) = recorded(store, run, FactsWritten), recorded(store, run, StudySetPrepared)
    assert not written.facts and len(written.without) == len(prepared.facts) and len(written.refused) >= 6
    assert any("6 of 6 passages are without a usable fact of the teacher" in note for note in prepared.notes)
    assert any("does not name its subject" in note for note in prepared.notes)


def test_a_teacher_that_cannot_write_facts_at_all_is_not_asked_on_and_the_way_out_is_named(fake: FakeOpenAI) -> None:
    fake.words = lambda body: "I had rather not."
    passages = fakes.small_domain().passages[:20]
    with pytest.raises(TeacherUnusable, match="facts, 3 calls, no further one was made.*or study 'rules'"):
        teacher_at(fake).write_facts(fakes.small_domain(), passages)
    assert len(fake.requests) <= 6  # each of three passages once, and what it missed


def test_the_budget_covers_the_calls_for_facts(fake: FakeOpenAI, store: Store) -> None:
    passages = [passage for passage in fakes.small_domain().passages if passage.key_terms][:30]
    teacher = open_llm_teacher(config_at(fake, max_cost_usd=0.0001), "r1", store, None, IMPATIENT,
                               Clock(rng=random.Random(1)))
    written = teacher.write_facts(fakes.small_domain(), passages)
    without = [of for of in written if not of.facts]
    assert 0 < len(without) < len(passages) == len(written) > len(fake.requests)
    assert all("USD that it may cost" in (of.missing or "") for of in without), without[0]


def test_the_offline_teacher_is_refused_before_the_run_in_one_sentence() -> None:
    with pytest.raises(InvalidConfig, match="writes no wordings of its own: name a teacher at an API, or use study"):
        preset("embedded", study="teacher")
    assert preset("embedded", study="both", fine_tune=False).study == "both"  # nothing is written without training


def test_the_calls_for_facts_are_estimated_before_the_run(fake: FakeOpenAI) -> None:
    estimate = estimate_facts(config_at(fake, cycles=2))
    assert estimate and estimate.asked == 12 and estimate.cost_usd and estimate.most_cost_usd
    assert re.search(r"facts of up to 12 passages.*about 0\.0\d+ USD|about \$0\.0", estimate.sentence()), \
        estimate.sentence()
    assert estimate_facts(preset("embedded")) is None


def test_a_worker_killed_among_the_calls_pays_for_none_twice(fake: FakeOpenAI, paths: Paths, store: Store,
                                                                ran: Ran) -> None:
    """SIGKILL while replies come in: what was stored is not asked for again, and the run ends with all facts."""
    (expected,) = recorded(ran.store, ran.run, FactsWritten)
    needed = Counter(map(prompt_of, ran.requests))
    fake.words, fake.seconds = with_a_test_question, 0.1
    run = commands.launch_run(store, config_at(fake, arms=("placebo",)), "test")
    claim = leases.claim_next(store, leases.owner_name(), run)
    assert claim
    process = subprocess.Popen([sys.executable, str(WORKER), run, claim.owner, str(claim.fence), str(claim.attempt)],
                               env=os.environ | {"DATA_DIR": str(paths.data), "STORE_URL": store.url})
    deadline = time.monotonic() + 900
    while sum(map(asks_for_facts, fake.requests)) < 3 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -9
    leases.release_dead_claims(store, lambda owner: owner == claim.owner)
    stored, before = run_usage(store, run).calls, len(fake.requests)
    fake.seconds = 0.0
    claim = leases.claim_next(store, leases.owner_name(), run)
    assert claim and execute_claimed_run(claim, paths, bench) == 0
    after = Counter(map(prompt_of, fake.requests[before:]))
    assert sum(map(asks_for_facts, fake.requests[:before])) > 0 and stored
    assert after.total() == needed.total() - stored and all(after[text] <= needed[text] for text in after)
    found = queries.find_run(store, run)
    assert found and found.work == "finished"
    (written,) = recorded(store, found, FactsWritten)
    assert written.facts == expected.facts


def prompt_of(body: dict[str, Any]) -> str:
    return str(body["messages"][1]["content"])
