"""Cuts a page along its headings into texts of one to four sentences. Knows nothing of where a page came from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from knowledge.documents.document import Block, Page, plain, tidy
from knowledge.documents.sentence_splitter import is_prose, sentences, word_count

FEWEST_WORDS, MOST_WORDS, MOST_SENTENCES = 14, 90, 4
# From this many words on a text may end where its paragraph does.
MIN_WORDS = 20
# Items of a list that are no sentences; longer ones are not joined to what introduces them.
_ITEM_WORDS = 18
_NO_CONTENT = re.compile(r"^\W*(?:see also|table of contents|contents|on this page|what'?s next|next steps?|related.*|"
                         r"further reading|references?|bibliography|licen[sc]e|gnu .*licen[sc]e.*|copying.*|"
                         r"copyright|navigation|feedback|"
                         r"acknowledge?ments?|credits|authors?|contributors?|sponsors?|changelog|change log|history|"
                         r"release notes|index|synopsis|search|links|was this page helpful.*|badges?)\W*$", re.I)
# Openings that lean on the sentence before: a text is better cut elsewhere.
_LEANS = re.compile(r"^(?:it|its|this|that|these|those|they|their|he|she|however|but|so|thus|therefore|also|then|"
                    r"otherwise|for example|for instance|in this case|in that case|as a result|hence|instead|"
                    r"additionally|furthermore|moreover|similarly|likewise|both|such|the former|the latter|"
                    r"in addition|consequently|on the other hand|finally|and|or|alternatively)\b", re.I)

# A first sentence that speaks of something a passage does not hold.
_BARE_PRONOUN = re.compile(r"^(?:it|they|he|she|(?:this|that|these|those) (?:also |then |in turn )?(?:is|are|was|"
                           r"were|will|can|may|must|should|would|could|has|have|does|do|means?|allows?|lets?|makes?|"
                           r"ensures?|includes?|causes?|happens|works|gives|helps|uses|requires|applies|enables|"
                           r"defaults))\b", re.I)


@dataclass(frozen=True)
class Chunk:
    """A passage to be: its sentences (with backticks) and the headings it stands under."""

    path: str
    headings: tuple[str, ...]
    """From the page's title down to the nearest heading; never empty."""
    anchor: str
    sentences: tuple[str, ...]
    opens: bool = False
    """Whether nothing stands between its heading and it: `This is ...` then speaks of the heading."""

    @property
    def text(self) -> str:
        """The passage as it is read."""
        return plain(" ".join(self.sentences))


@dataclass(frozen=True)
class Paragraph:
    """One paragraph with the headings above it."""

    headings: tuple[str, ...]
    anchor: str
    text: str


def paragraphs(page: Page) -> Iterator[Paragraph]:
    """The paragraphs of a page that may hold prose, a short list joined to its introduction."""
    stack: list[tuple[int, str, str]] = []
    for block in _joined_lists(page.blocks):
        if block.level:
            above = [entry for entry in stack if entry[0] < block.level]
            stack = [*above, (block.level, _heading(block), block.anchor)]
        elif not any(_NO_CONTENT.match(heading) for _, heading, _ in stack[-1:]):
            names = [page.title, *(heading for _, heading, _ in stack)]
            headings = tuple(dict.fromkeys(plain(name) for name in names if name)) or (_stem(page.path),)
            yield Paragraph(headings, block.anchor or (stack[-1][2] if stack else ""), block.text)


def chunk(path: str, found: Sequence[Paragraph]) -> Iterator[Chunk]:
    """The paragraphs of one page as passages' texts; what is too short or no prose is left out."""
    at = 0
    while at < len(found):
        first = found[at]
        section: list[list[str]] = []
        while at < len(found) and (found[at].headings, found[at].anchor) == (first.headings, first.anchor):
            section.append([said for said in sentences(found[at].text) if is_prose(said)])
            at += 1
        opening = [said for paragraph in section for said in paragraph][:1]
        for group in _groups(section, opening):
            yield Chunk(path, first.headings, first.anchor, tuple(group), opens=group[:1] == opening)


def _groups(section: list[list[str]], opening: list[str]) -> Iterator[list[str]]:
    """Sentences grouped within the limits; a group ends with its paragraph when it has enough words."""
    group: list[str] = []
    for paragraph in section:
        for said in paragraph:
            if word_count(said) > MOST_WORDS or (not group and _BARE_PRONOUN.match(said) and [said] != opening):
                continue
            full = len(group) == MOST_SENTENCES or _words([*group, said]) > MOST_WORDS
            if full or (_words(group) >= 2 * MIN_WORDS and not _LEANS.match(said)):
                yield from _fit(group)
                group = []
            group.append(said)
        if _words(group) >= MIN_WORDS:
            yield from _fit(group)
            group = []
    yield from _fit(group)


def _fit(group: list[str]) -> Iterator[list[str]]:
    if _words(group) >= FEWEST_WORDS:
        yield group


def _words(group: list[str]) -> int:
    return sum(word_count(said) for said in group)


def _joined_lists(blocks: Sequence[Block]) -> Iterator[Block]:
    """`It holds:` and its short items become one sentence; without them such an introduction says nothing."""
    at = 0
    while at < len(blocks):
        block = blocks[at]
        at += 1
        items = _short_items(blocks, at) if not block.level and block.text.endswith(":") else []
        if items:
            at += len(items)
            listed = "; ".join(item.text.rstrip(".;,") for item in items)
            joined = tidy(f"{block.text} {listed}.")
            yield Block(joined if word_count(joined) <= MOST_WORDS else block.text)
        else:
            yield block


def _short_items(blocks: Sequence[Block], at: int) -> list[Block]:
    items = []
    while at < len(blocks) and blocks[at].item and not blocks[at].level:
        items.append(blocks[at])
        at += 1
    short = all(word_count(item.text) <= _ITEM_WORDS and len(sentences(item.text)) == 1 for item in items)
    return items if short and len(items) > 1 else []


def _heading(block: Block) -> str:
    """A heading without its number, its pilcrow and a trailing colon."""
    return tidy(re.sub(r"^\d+(?:\.\d+)*\.?\s+(?=\S)", "", block.text).strip("¶#§ ").rstrip(":"))


def _stem(path: str) -> str:
    return re.sub(r"[-_]+", " ", path.rpartition("/")[2].rpartition(".")[0]).strip() or path
