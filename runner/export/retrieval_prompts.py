"""Put a run's passages before any question, as its retrieval arms had them before the questions of the test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from knowledge.domain import Domain
from runner.export.errors import CannotExport
from runner.pipeline.retrieval import EncoderRetriever, open_retriever, retrievable
from runner.pipeline.run_knowledge import DocumentsChanged, domain_of_finished_run, open_domain
from runner.pipeline.stages.context_prompts import (
    RESERVED_TOKENS, ContextStyle, fit_prompt, passage_item, passages_style,
)
from store.analysis.earlier_documents import COPY
from store.control_arms import CONTEXT_ITEMS
from store.events import QuestionRecord
from store.paths import Paths
from store.queries import Run

FitsContext = Callable[[str, int], bool]
"""Whether the prompt of a text leaves room in the context for a number of tokens."""


class RetrievalPrompts:
    """Returns a question with the best passages of a domain before it."""

    def __init__(self, domain: Domain, retriever: EncoderRetriever, max_new_tokens: int, style: ContextStyle) -> None:
        """Encode the passages: about 100 a second and core.

        Args:
            max_new_tokens: the longest answer of the run; a prompt leaves room for it.
            style: the run's template for passages.
        """
        self.domain, self._style = domain.name, style
        self._items = [passage_item(passage) for passage in retrievable(domain.passages)]
        self._index = retriever.index([item.text for item in self._items])
        self._room = max(RESERVED_TOKENS, max_new_tokens)

    def __len__(self) -> int:
        """Number of passages that are searched."""
        return len(self._items)

    def prompt(self, question: str, fits: FitsContext) -> str:
        """Return the prompt; the bare question where not even the beginning of a passage fits."""
        (best,) = self._index.best([question], CONTEXT_ITEMS).ranked
        record = QuestionRecord("", "", "", question, "", "", "", "", "", ())
        return fit_prompt(record, [self._items[at] for at in best], self._style,
                          lambda text: fits(text, self._room)).text


def retrieval_prompts(run: Run, paths: Paths) -> RetrievalPrompts:
    """Encode the passages that a run worked with.

    Raises:
        CannotExport: its passages are not there any more.
        StudentError: the encoder is not installed.
    """
    try:
        domain = domain_of_finished_run(Path(paths.run(run.id)) / COPY, run.knowledge_hash,
                                        lambda: open_domain(run.config))
    except DocumentsChanged as error:
        raise CannotExport(f"{error}; serve it without --with-retrieval") from error
    return RetrievalPrompts(domain, open_retriever(), run.config.max_new_tokens,
                            passages_style(run.config.question_before_passages))
