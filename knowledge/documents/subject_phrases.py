"""Name the subject of a question so that it is clear without the page, using the page's headings."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from knowledge.documents.chunking import Chunk
from knowledge.documents.document import plain
from knowledge.documents.entry_names import entry_name, is_entry
from knowledge.documents.question_checks import specific_words

_EMPTY_HEADINGS = re.compile(
    r"^(?:\d+\W*)?(?:readme|others?|index|introduction|intro|overview|home|description|usage|options?|notes?|examples?|"
    r"details?|general|about|summary|background|remarks?|basics|more|misc\w*|untitled.*|quick ?start|parameters?|"
    r"arguments?|return values?|values?|attributes?|propert(?:y|ies)|methods?|functions?|warnings?|important|tips?|"
    r"caveats?|limitations?|faq|features?|conclusion|documentation|manual|signature|default|type|name|main|commands?|"
    r"settings?|configuration|discussion|rationale|output|terminology|prerequisites|terms|syntax|notice|see also|help|"
    r"table of .*|reference|contents|news|changes|compatibility|environment|files|bugs|return value|errors|"
    r"troubleshooting|invocation|commands and options|features and options)$", re.I)
_EMPTY_FOLDERS = re.compile(r"^(?:html|docs?|src|source|share|content|pages?|en|manual|text|"
                            r"site|build|public|v?[\d.]+)$", re.I)
_PAGE_REFERENCE = re.compile(
    r"^(?:this|the|these)\s+(?P<noun>command|function|module|option|setting|variable|property|method|class|parameter|"
    r"package|library|tool|plugin|component|feature|field|attribute|policy|error|lint|file|api|service|program|utility|"
    r"macro|flag|directive|element|event|object|type)$", re.I)
# Words that a usable subject cannot begin with: it would refer outside the question, or is not a subject.
_NO_SUBJECT = frozenset(re.findall(r"\w+", """
it this that these those they there he she we i you your our my us who what which how when where why if as for in on
at by
with from to since because while although though after before during until once not only note here some others another
other instead rather unlike like see please let nothing everything anything something someone anyone nobody both neither
either its their his her one and or but so yes no also then thus therefore however even just again whether of into
given using whenever wherever additionally furthermore moreover finally first second third next now usually often
sometimes generally typically currently say imagine suppose remember perhaps maybe much many most more few several such
unfortunately fortunately luckily basically essentially actually otherwise together later earlier
"""))
_BARE = frozenset(re.findall(r"\w+", """
result reason rest example idea goal same difference only first second default following purpose problem issue point
main
way latter former above below next previous last list thing things case cases behavior behaviour answer value values
output code change changes information details section page document process user users people developers author
syntax format approach solution downside advantage benefit trick caveat key rule rules reader readers
arguments argument options option parameters parameter function method command file functions methods commands files
name names caller callers program programs application applications test tests value type types object objects string
class classes item items table tables row rows column columns module modules script scripts project projects work time
work variable variables setting settings feature features error errors text field fields element elements someone fact
effect difference intent intention hope most best worst trouble answers data
"""))
_ADVICE = re.compile(r"(?:try|make sure|be sure|ensure|remember|note|consider|see)\b", re.I)
_DETERMINERS = frozenset(("the", "a", "an", "each", "every", "all", "any", "both", "one"))
_INSIDE = re.compile(r"[,;:]|\b(?:that|which|who|whose|what|how|where|when|if|because|while|than|whether|it|they|this|"
                     r"these|those|following|above|below|here|we|you|i|such|not|never|no|hardly|rarely|seldom|barely|us|our|"
                     r"my)\b", re.I)
_ADVERB = re.compile(r"\s+(?:also|only|automatically|usually|typically|often|always|currently|simply|then|now|just|"
                     r"thus|generally|normally|therefore|actually|additionally|\w+ly)$")


@dataclass(frozen=True)
class PageContext:
    """The headings and page of a sentence, as a question may name them."""

    heading_and_page: str
    """Heading and page: `Pseudo selectors (Dependency selectors)`."""
    name: str
    """The nearest meaningful heading, without the page."""
    page: str
    project: str
    opens: bool
    """Whether `This` at the start of the sentence refers to the heading."""


def page_context(chunk: Chunk, project: str) -> PageContext:
    """The context of a chunk, from its meaningful headings, else from its folder or the project."""
    meaningful = [heading for heading in map(entry_name, chunk.headings) if _is_meaningful(heading)]
    if not meaningful:
        folder = chunk.path.rpartition("/")[0].rpartition("/")[2]
        name = re.sub(r"[-_]+", " ", folder) if folder and not _EMPTY_FOLDERS.match(folder) else project
        return PageContext(name, name, name, project, chunk.opens)
    page, nearest = meaningful[0], meaningful[-1]
    if page == nearest or set(_words(page)) <= set(_words(nearest)):
        return PageContext(nearest, nearest, page, project, chunk.opens)
    both = f"{nearest} ({page})"
    return PageContext(both if len(both.split()) <= 12 else nearest, nearest, page, project, chunk.opens)


def _is_meaningful(heading: str) -> bool:
    """Whether a heading tells what its section is about: no question, no line of a shell, not one of every page's."""
    return (not _EMPTY_HEADINGS.match(heading) and len(heading.split()) <= 9 and not heading.endswith(("?", "!", "."))
            and not re.match(r"[(\[{<>\"'“]|[$%>#] |\W*$", heading))


def subject_of(text: str, context: PageContext, known_lower: Collection[str]) -> str:
    """A sentence's subject as a question names it; empty if it makes no sense outside the page."""
    subject = _ADVERB.sub("", text.strip())
    reference = _PAGE_REFERENCE.match(subject)
    if reference:
        noun = reference["noun"].lower()
        if not (is_entry(context.name) or noun in context.name.lower()):
            return ""  # it may be another one, of the sentences before
        return context.name if noun in context.name.lower() else f"the {context.name} {noun}"
    words = subject.split()
    if subject.lower() in ("this", "it") and context.opens and len(context.name.split()) <= 2:
        return context.name
    first = words[0].lower().strip("`*\"") if words else ""
    if not 1 <= len(words) <= 15 or _ADVICE.match(subject) or first in _NO_SUBJECT or first.endswith("ly"):
        return ""
    if _INSIDE.search(_without_relative(subject)):
        return ""
    content = [word for word in words if word.lower() not in _DETERMINERS]
    if not content or (len(content) == 1 and content[0].lower() in _BARE) or words[-1].lower() in _ENDS_OPEN \
            or not re.search(r"\w", words[-1]):
        return ""
    return lowered(subject, known_lower)


def lowered(text: str, known_lower: Collection[str]) -> str:
    """Text from the start of a sentence, for use inside one: `The` and known words lose their capital."""
    first, space, rest = text.partition(" ")
    small = first.lower() in _DETERMINERS or (first[1:].islower() and first.lower() in known_lower)
    return (first.lower() if small else first) + space + rest


def with_context(question: str, context: PageContext, hide: str = "") -> str:
    """Prefix the question with the headings that it does not name itself.

    Args:
        question: the question.
        context: where the statement is from.
        hide: the answer, which the context must not reveal.
    """
    parts = [part for part in dict.fromkeys((context.name, context.page)) if not (hide and _mentions(hide, part))]
    missing = [part for part in parts if not _mentions(question, part)]
    long = len(specific_words(question)) >= _SELF_CONTAINED_WORDS
    if _names_itself(question) or (long and len(missing) < len(parts)) or (parts and not missing):
        return question
    if not parts:
        return question if long else _about(context.project, question)
    if context.name in missing:
        return _about(context.heading_and_page if len(parts) > 1 else parts[0], question)
    return _about(missing[0], question)


def _about(prefix: str, question: str) -> str:
    return f"Regarding {plain(prefix)}, {question[:1].lower()}{question[1:]}"


_QUESTION_WORDS = frozenset(("the", "and", "for", "with", "how", "what", "does", "are"))
# Words on nearly every page of a documentation: sharing one with the context does not identify it.
_WEAK = frozenset(re.findall(r"\w+", """
file package name option field value use using command configuration setting type default function method class
"""))
# A question with at least this many content words needs no context.
_SELF_CONTAINED_WORDS = 6
_ENDS_OPEN = frozenset(re.findall(r"\S+", """
and or of to in on for with by at from the a an as is are be been any all some no its their his her each every this
that most more several many few become becomes have has do does not into than per
"""))


def _names_itself(question: str) -> bool:
    """Whether the question contains a specific name such as `package-lock.json` or `CMAKE_CXX_FLAGS`."""
    return any(len(code) >= 6 and code[0] not in "-<" and re.search(r"[._:/-]\w|[a-z][A-Z]|[A-Z]{3}", code)
               for code in re.findall(r"`([^`]+)`", question))


def _mentions(question: str, part: str) -> bool:
    """Whether the question has at least half of the words of a heading that tell it from others."""
    telling = set(_words(part)) - _WEAK
    return bool(telling) and 2 * len(telling & set(_words(question))) >= len(telling)


def _words(text: str) -> list[str]:
    """Content words without plural s."""
    found = re.findall(r"[^\W_]{3,}", text.casefold())
    return [word.rstrip("s") for word in found if word not in _QUESTION_WORDS]


def _without_relative(subject: str) -> str:
    """The subject with code masked and one relative pronoun removed, which a subject may contain."""
    return re.sub(r"(?<=\w) (?:that|which|who) (?=\w)", " ", re.sub(r"`[^`]*`", "code", subject), count=1)
