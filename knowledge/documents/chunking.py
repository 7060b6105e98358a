"""Cut a page along its headings into chunks of one to four sentences, whatever its file format."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from knowledge.documents.document import Block, Page, plain, tidy
from knowledge.documents.left_out_sentences import LeftOutSentences
from knowledge.documents.sentence_splitter import prose_fault, sentences, word_count

FEWEST_WORDS, MOST_WORDS, MOST_SENTENCES = 14, 90, 4
TOO_LONG = f"more than {MOST_WORDS} words"
TOO_SHORT = f"fewer than {FEWEST_WORDS} words, with the sentences around it"
NO_ANTECEDENT = "begins with a word for something before it"
NO_CONTENT = "under a heading such as See also, Licence or Changelog"
# A chunk with at least this many words ends with its paragraph.
MIN_WORDS = 20
# List items of at most this many words are joined to the sentence that introduces the list.
_ITEM_WORDS = 18
_NO_CONTENT = re.compile(r"^\W*(?:see also|table of contents|contents|on this page|what'?s next|next steps?|related.*|"
                         r"further reading|references?|bibliography|licen[sc]e|gnu .*licen[sc]e.*|copying.*|"
                         r"copyright|navigation|feedback|"
                         r"acknowledge?ments?|credits|authors?|contributors?|sponsors?|changelog|change log|history|"
                         r"release notes|index|synopsis|search|links|was this page helpful.*|badges?)\W*$", re.I)
# Sentence openings that depend on the sentence before: do not cut there.
_DEPENDENT_OPENING = re.compile(
    r"^(?:it|its|this|that|these|those|they|their|he|she|however|but|so|thus|therefore|also|then|"
    r"otherwise|for example|for instance|in this case|in that case|as a result|hence|instead|"
    r"additionally|furthermore|moreover|similarly|likewise|both|such|the former|the latter|"
    r"in addition|consequently|on the other hand|finally|and|or|alternatively)\b", re.I)

# A first sentence whose pronoun refers to something outside the passage.
_BARE_PRONOUN = re.compile(r"^(?:it|they|he|she|(?:this|that|these|those) (?:also |then |in turn )?(?:is|are|was|"
                           r"were|will|can|may|must|should|would|could|has|have|does|do|means?|allows?|lets?|makes?|"
                           r"ensures?|includes?|causes?|happens|works|gives|helps|uses|requires|applies|enables|"
                           r"defaults))\b", re.I)


@dataclass(frozen=True)
class Chunk:
    """The text of a future passage: its sentences (with backticks) and the headings above it."""

    path: str
    headings: tuple[str, ...]
    """From the page's title down to the nearest heading; never empty."""
    anchor: str
    sentences: tuple[str, ...]
    opens: bool = False
    """Whether it directly follows its heading; `This is ...` then refers to the heading."""

    @property
    def text(self) -> str:
        """The passage's text, without backticks."""
        return plain(" ".join(self.sentences))


@dataclass(frozen=True)
class Paragraph:
    """One paragraph with the headings above it."""

    headings: tuple[str, ...]
    anchor: str
    text: str


def paragraphs(page: Page, left_out: LeftOutSentences | None = None) -> Iterator[Paragraph]:
    """The paragraphs of a page that may contain prose; a short list is joined to its introduction.

    Args:
        page: a parsed file.
        left_out: takes the sentences under headings that announce no content.
    """
    stack: list[tuple[int, str, str]] = []
    for block in _joined_lists(page.blocks):
        if block.level:
            above = [entry for entry in stack if entry[0] < block.level]
            stack = [*above, (block.level, _heading(block), block.anchor)]
        elif not any(_NO_CONTENT.match(heading) for _, heading, _ in stack[-1:]):
            names = [page.title, *(heading for _, heading, _ in stack)]
            headings = tuple(dict.fromkeys(plain(name) for name in names if name)) or (_stem(page.path),)
            yield Paragraph(headings, block.anchor or (stack[-1][2] if stack else ""), block.text)
        elif left_out is not None:
            for sentence in sentences(block.text):
                left_out.add(NO_CONTENT, page.path, sentence)


def chunk(path: str, found: Sequence[Paragraph], left_out: LeftOutSentences | None = None) -> Iterator[Chunk]:
    """Cut the paragraphs of one page into chunks; leaves out text that is too short or not prose.

    Args:
        path: the page's.
        found: its paragraphs in order.
        left_out: takes the sentences that are left out, with the rule that does it.
    """
    index, faults = 0, _Faults(path, LeftOutSentences() if left_out is None else left_out)
    while index < len(found):
        first = found[index]
        section: list[list[str]] = []
        while index < len(found) and (found[index].headings, found[index].anchor) == (first.headings, first.anchor):
            section.append(list(_prose(found[index].text, faults)))
            index += 1
        opening = [sentence for paragraph in section for sentence in paragraph][:1]
        for group in _groups(section, opening, faults):
            yield Chunk(path, first.headings, first.anchor, tuple(group), opens=group[:1] == opening)


@dataclass(frozen=True)
class _Faults:
    """Takes the sentences of one page that are left out."""

    path: str
    left_out: LeftOutSentences

    def add(self, rule: str, *sentences: str) -> None:
        for sentence in sentences:
            self.left_out.add(rule, self.path, sentence)


def _prose(text: str, faults: _Faults) -> Iterator[str]:
    for sentence in sentences(text):
        fault = prose_fault(sentence) or (TOO_LONG if word_count(sentence) > MOST_WORDS else "")
        if fault:
            faults.add(fault, sentence)
        else:
            yield sentence


def _groups(section: list[list[str]], opening: list[str], faults: _Faults) -> Iterator[list[str]]:
    """Group sentences within the limits; a group ends with its paragraph when it has enough words."""
    group: list[str] = []
    for paragraph in section:
        for sentence in paragraph:
            if not group and _BARE_PRONOUN.match(sentence) and [sentence] != opening:
                faults.add(NO_ANTECEDENT, sentence)
                continue
            full = len(group) == MOST_SENTENCES or _words([*group, sentence]) > MOST_WORDS
            if full or (_words(group) >= 2 * MIN_WORDS and not _DEPENDENT_OPENING.match(sentence)):
                yield from _fit(group, faults)
                group = []
            group.append(sentence)
        if _words(group) >= MIN_WORDS:
            yield from _fit(group, faults)
            group = []
    yield from _fit(group, faults)


def _fit(group: list[str], faults: _Faults) -> Iterator[list[str]]:
    if _words(group) >= FEWEST_WORDS:
        yield group
    else:
        faults.add(TOO_SHORT, *group)


def _words(group: list[str]) -> int:
    return sum(word_count(sentence) for sentence in group)


def _joined_lists(blocks: Sequence[Block]) -> Iterator[Block]:
    """Join an introduction such as `It holds:` and the short list items after it to one sentence."""
    index = 0
    while index < len(blocks):
        block = blocks[index]
        index += 1
        items = _short_items(blocks, index) if not block.level and block.text.endswith(":") else []
        if items:
            index += len(items)
            listed = "; ".join(item.text.rstrip(".;,") for item in items)
            joined = tidy(f"{block.text} {listed}.")
            yield Block(joined if word_count(joined) <= MOST_WORDS else block.text)
        else:
            yield block


def _short_items(blocks: Sequence[Block], index: int) -> list[Block]:
    """The list items from `index` on if all are short; empty otherwise."""
    items = []
    while index < len(blocks) and blocks[index].item and not blocks[index].level:
        items.append(blocks[index])
        index += 1
    short = all(word_count(item.text) <= _ITEM_WORDS and len(sentences(item.text)) == 1 for item in items)
    return items if short and len(items) > 1 else []


def _heading(block: Block) -> str:
    """A heading without number, pilcrow and trailing colon."""
    return tidy(re.sub(r"^\d+(?:\.\d+)*\.?\s+(?=\S)", "", block.text).strip("¶#§ ").rstrip(":"))


def _stem(path: str) -> str:
    return re.sub(r"[-_]+", " ", path.rpartition("/")[2].rpartition(".")[0]).strip() or path
