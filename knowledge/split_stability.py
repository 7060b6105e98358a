"""Compare documents with those of earlier runs, so that no passage changes its side by being reworded. Pure.

A passage's side follows from its text. One that is edited is a new passage, perhaps on the other side: what was taught
before could be tested now, and what was tested could be taught. Such a passage is used on neither side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from knowledge.domain import Domain
from knowledge.passages import Passage
from knowledge.split import HELD_OUT_SIDE, PRACTICE_SIDE, Side, overlapping_passages, side_of


@dataclass(frozen=True)
class Comparison:
    """What changed since the newest of the earlier states, by passage."""

    same: int
    new: int
    """Passages that the newest state does not have, reworded ones included."""
    gone: int
    reworded: int
    """New passages that say nearly the same as one that is gone from any earlier state."""
    excluded: int
    """Passages that would be on another side than before, and are on neither."""

    def sentence(self, what: str) -> str:
        """The comparison in words; `what` names the earlier state."""
        changed = f"{_passages(self.new)} new ({self.reworded:,} of them reworded), {_passages(self.gone)} gone" \
            if self.new or self.gone else "no passage is new or gone"
        sides = f"{self.excluded:,} would change sides of the split by that and are used on neither" \
            if self.excluded else "none changes its side of the split"
        return f"Compared with the documents of {what}: {changed}; {sides}."


def apart_from_earlier(domain: Domain, earlier: Iterable[Domain]) -> tuple[Domain, Comparison | None]:
    """The domain without use of passages that would change sides, and what changed.

    Args:
        domain: the documents as they are now.
        earlier: earlier states of them, the newest first; one at a time is in memory.
    """
    now = {passage.id for passage in domain.passages}
    known, gone, excluded = set[str](), dict[str, Passage](), set[str]()
    newest: set[str] | None = None
    for state in earlier:
        ids = {passage.id for passage in state.passages}
        newest = ids if newest is None else newest
        known |= ids
        excluded |= state.excluded & now
        gone |= {passage.id: passage for passage in state.passages
                 if passage.id not in now and passage.id not in state.excluded}
    if newest is None:
        return domain, None
    new = [passage for passage in domain.passages if passage.id not in known]
    before = list(gone.values())
    moved = _overlapping(new, before, {PRACTICE_SIDE: HELD_OUT_SIDE, HELD_OUT_SIDE: PRACTICE_SIDE})
    stayed = _overlapping(new, before, {PRACTICE_SIDE: PRACTICE_SIDE, HELD_OUT_SIDE: HELD_OUT_SIDE})
    found = replace(domain, excluded=frozenset(excluded | moved))
    return found, Comparison(len(now & newest), len(now - newest), len(newest - now), len(moved | stayed),
                             len(found.excluded))


def _overlapping(new: list[Passage], before: list[Passage], sides: Mapping[Side, Side]) -> set[str]:
    """Ids of the new passages that nearly repeat an earlier one; `sides`: of the new one -> of the earlier one."""
    return {id for now, then in sides.items()
            for id in overlapping_passages([passage for passage in new if side_of(passage.id) == now],
                                           [passage for passage in before if side_of(passage.id) == then])}


def _passages(count: int) -> str:
    return f"{count:,} passage is" if count == 1 else f"{count:,} passages are"
