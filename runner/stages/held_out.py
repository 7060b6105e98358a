"""The locked test of the whole run: questions on passages that are never trained, with their references."""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.questions import HELD_OUT
from runner.stage import Context
from runner.stages.questions import TooFewQuestions
from runner.stages.records import asked
from runner.stages.references import write_references
from store.events import Event, KnowledgeRead


def held_out(context: Context) -> Sequence[Event]:
    """Ask the held-out questions and answer them; before any training, once a run."""
    config, domain, teacher = context.config, context.domain, context.workbench.teacher
    wanted = config.held_out
    questions = teacher.ask(domain, config.topics, wanted, HELD_OUT, config.seed, ()) if wanted else []
    if wanted and not questions:
        raise TooFewQuestions(f"no held-out question can be asked on {', '.join(config.topics)}: "
                              "choose more topics, or set held-out to 0 and do without a proof")
    known = KnowledgeRead(domain.name, domain.hash, len(domain.passages))
    return [known, asked(domain, teacher.name, questions, wanted), write_references(context, questions)]
