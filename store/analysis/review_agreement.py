"""Agreement of the people who looked at a run's questions, where two or more looked at the same one. Pure functions."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from store.queries.dataset_items import ItemEntry
from store.statistics import Kappa, cohens_kappa

_DIRECTIONS = {"keep": 1, "change": -1}


@dataclass(frozen=True)
class ReviewAgreement:
    """How often two people said the same of one question: keep it as it is, or change or reject it."""

    questions: int
    """That two or more people gave an opinion on."""
    people: int
    pairs: int
    """Pairs of two people's opinions on one question."""
    equal: int
    kappa: Kappa

    @property
    def sentence(self) -> str:
        """Say how many looked at the same questions, and how often they agreed."""
        beyond = "" if self.kappa.value is None or self.kappa.low is None or self.kappa.high is None else (
            f"; Cohen's kappa {self.kappa.value:.2f} (95% interval {self.kappa.low:.2f} to {self.kappa.high:.2f})")
        return (f"{self.people} people gave an opinion on {self.questions:,} questions that another one looked at "
                f"too, and agreed in {self.equal:,} of {self.pairs:,} pairs of opinions{beyond}. Approvals of a whole "
                "filter do not count as an opinion.")


def review_agreement(entries: Iterable[ItemEntry]) -> ReviewAgreement | None:
    """Compare people's opinions on the same questions; None where no two looked at the same one.

    A person's first opinion counts: a flag, an edit or a rejection says that a question is to be changed, and an
    approval that it may stay.
    """
    opinions: dict[str, dict[str, int]] = {}
    for one in entries:
        if one.opinion in _DIRECTIONS:
            opinions.setdefault(one.question_id, {}).setdefault(one.by, _DIRECTIONS[one.opinion])
    shared = {id: by for id, by in opinions.items() if len(by) > 1}
    if not shared:
        return None
    pairs = [(by[first], by[second]) for by in shared.values()
             for first, second in itertools.combinations(sorted(by), 2)]
    return ReviewAgreement(len(shared), len({person for by in shared.values() for person in by}), len(pairs),
                           sum(one == other for one, other in pairs), cohens_kappa(pairs))
