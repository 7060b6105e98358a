"""What is said before a launch about presentations, time budgets and this machine's training speed."""

from __future__ import annotations

from store import commands, queries
from store.analysis.training_note import TOKENS_PER_PRESENTATION, training_note
from store.database import Store
from store.event_log import leases
from store.event_log.journal import Journal
from store.events import MetricLogged
from store.run_config import STUDY_PASSES
from store.presets import preset


def test_presentations_and_their_time_are_said() -> None:
    config = preset("embedded", questions=10, passes=9.0, general_replay=0.1)
    assert training_note(config, None) == ("The first cycle's training presents its 10 facts 9 times each: 100 "
                                           "examples.")
    assert training_note(config, TOKENS_PER_PRESENTATION).endswith("100 examples, about 1 min 40 s at 73 tokens/s.")
    assert training_note(preset("embedded", study="off"), 100.0) == ""


def test_a_budget_says_what_it_can_teach_and_what_everything_would_need() -> None:
    config = preset("embedded", minutes=10.0, general_replay=0.0)
    note = training_note(config, 400.0, passages=1000)
    facts = 10 * 60 * 400 / (TOKENS_PER_PRESENTATION * STUDY_PASSES)
    assert f"about {facts:.0f} facts {STUDY_PASSES:.0f} times each" in note and "all 1,000 passages would need" in note
    assert "measured before the first training" in training_note(config, None)


def test_a_budget_of_one_minute_says_that_it_is_too_short_for_these_facts() -> None:
    note = training_note(preset("embedded", minutes=1.0, questions=30, general_replay=0.0), 60.0)
    assert note.startswith("1 minute here teaches about 1 fact 60 times each")
    assert "presents its 30 facts about 1.6 times each, too seldom to be learned: allow more time" in note
    assert "too seldom" not in training_note(preset("embedded", minutes=60.0, questions=30), 60.0)


def test_passages_before_the_question_take_more_time() -> None:
    arms = ("retrieval", "tuned+retrieval")
    closed, read = (training_note(preset("embedded", passes=8.0, arms=arms, reading_share=share), 60.0)
                    for share in (0.0, 1.0))
    assert closed != read


def test_the_speed_is_that_of_the_newest_training_of_the_same_student(store: Store) -> None:
    commands.launch_run(store, preset("embedded"), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    journal = Journal(store, claim)
    journal.append(MetricLogged("training_tokens_per_second", 1, 111.0, "tokens/s"),
                   MetricLogged("training_tokens_per_second", 2, 222.0, "tokens/s"), cycle=1, stage="fine-tune")
    assert queries.last_training_speed(store, "embedded", "auto") == 222.0
    assert queries.last_training_speed(store, "another", "auto") is None
