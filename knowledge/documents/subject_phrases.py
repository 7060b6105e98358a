"""Who or what a question is about, named so that a reader without the page knows it. Knows headings, not verbs."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from knowledge.documents.chunking import Chunk
from knowledge.documents.document import plain

_EMPTY_HEADINGS = re.compile(
    r"^(?:\d+\W*)?(?:readme|index|introduction|intro|overview|home|description|usage|options?|notes?|examples?|"
    r"details?|general|about|summary|background|remarks?|basics|more|misc\w*|untitled.*|quick ?start|parameters?|"
    r"arguments?|return values?|values?|attributes?|propert(?:y|ies)|methods?|functions?|warnings?|important|tips?|"
    r"caveats?|limitations?|faq|features?|conclusion|documentation|manual|signature|default|type|name|main)$", re.I)
_LEANING = re.compile(r"^(?:this|the|these)\s+(?P<noun>command|function|module|option|setting|variable|property|"
                      r"method|class|parameter|package|library|tool|plugin|component|feature|field|attribute|policy|"
                      r"error|lint|file|api|service|program|utility|macro|flag|directive|element|event|object|"
                      r"type)$", re.I)
_KIND = re.compile(r"^(?:class|static method|method|function|event|property|module|interface|type|enum|trait|struct|"
                   r"appendix \w|chapter \d+):\s+", re.I)
# What a sentence's subject cannot begin with: it would point out of the question, or is no subject.
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
arguments argument options option parameters parameter function method command file
"""))
_DETERMINERS = frozenset(("the", "a", "an", "each", "every", "all", "any", "both", "one"))
_INSIDE = re.compile(r"[,;:]|\b(?:that|which|who|whose|where|when|if|because|while|than|whether|it|they|this|these|"
                     r"those|following|above|below|here|we|you|i|such|not|never|no|hardly|rarely|seldom|barely|us|our|"
                     r"my)\b", re.I)
_ADVERB = re.compile(r"\s+(?:also|only|automatically|usually|typically|often|always|currently|simply|then|now|just|"
                     r"thus|generally|normally|therefore|actually|additionally|\w+ly)$")


@dataclass(frozen=True)
class PageContext:
    """Where a sentence stands, as a question may say it."""

    context: str
    """Heading and page: `Pseudo selectors (Dependency selectors)`."""
    name: str
    """The nearest heading that says something, without its page."""
    page: str
    project: str
    opens: bool
    """Whether `This` at a sentence's beginning speaks of the heading."""


def page_context(part: Chunk, project: str) -> PageContext:
    """The names of a part's place; headings that say nothing are passed over."""
    headings = [_KIND.sub("", heading) for heading in part.headings]
    telling = [heading for heading in headings if not _EMPTY_HEADINGS.match(heading) and len(heading.split()) <= 9
               and not heading.endswith(("?", "!")) and "(" not in heading[:1]]
    if not telling:
        folder = part.path.rpartition("/")[0].rpartition("/")[2]
        name = re.sub(r"[-_]+", " ", folder) if folder else project
        return PageContext(name, name, name, project, part.opens)
    page, nearest = telling[0], telling[-1]
    if page == nearest or set(_words(page)) <= set(_words(nearest)):
        return PageContext(nearest, nearest, page, project, part.opens)
    both = f"{nearest} ({page})"
    return PageContext(both if len(both.split()) <= 12 else nearest, nearest, page, project, part.opens)


def subject_of(said: str, here: PageContext, known_lower: Collection[str]) -> str:
    """A sentence's subject as a question names it; empty where it cannot stand alone."""
    subject = _ADVERB.sub("", said.strip())
    leaning = _LEANING.match(subject)
    if leaning:
        noun = leaning["noun"].lower()
        return here.name if noun in here.name.lower() else f"the {here.name} {noun}"
    words = subject.split()
    if subject.lower() in ("this", "it") and here.opens and len(here.name.split()) <= 2:
        return here.name
    first = words[0].lower().strip("`*\"") if words else ""
    if not 1 <= len(words) <= 15 or first in _NO_SUBJECT or first.endswith("ly"):
        return ""
    if _INSIDE.search(_without_relative(subject)):
        return ""
    content = [word for word in words if word.lower() not in _DETERMINERS]
    if not content or (len(content) == 1 and content[0].lower() in _BARE) or content[-1].lower() in _ENDS_OPEN:
        return ""
    return lowered(subject, known_lower)


def lowered(text: str, known_lower: Collection[str]) -> str:
    """Text that began a sentence, as it stands within one: `The` and known words lose their capital."""
    first, space, rest = text.partition(" ")
    small = first.lower() in _DETERMINERS or (first[1:].islower() and first.lower() in known_lower)
    return (first.lower() if small else first) + space + rest


def placed(question: str, here: PageContext, hide: str = "") -> str:
    """The question with its context before it, where it does not name it itself.

    Args:
        hide: an answer that the context must not give away.
    """
    asked, hidden = set(_words(question)), set(_words(hide))
    context = next((name for name in (here.context, here.page) if not hidden & set(_words(name))), "")
    if not context and len(asked) >= _SPEAKS_FOR_ITSELF:
        return question
    context = context or here.project
    if (set(_words(context)) & asked) - _WEAK or _names_itself(question):
        return question
    return f"Regarding {plain(context)}, {question[:1].lower()}{question[1:]}"


_QUESTION_WORDS = frozenset(("the", "and", "for", "with", "how", "what", "does", "are"))
# Words that nearly every page of a documentation holds: sharing one places no question.
_WEAK = frozenset(re.findall(r"\w+", """
file package name option field value use using command configuration setting type default function method class
"""))
# A question with so many content words needs no context.
_SPEAKS_FOR_ITSELF = 6
_ENDS_OPEN = frozenset(re.findall(r"\S+", """
and or of to in on for with by at from the a an as is are be been
"""))


def _names_itself(question: str) -> bool:
    """Whether it holds a name that stands for one thing only: `package-lock.json`, `CMAKE_CXX_FLAGS`."""
    return any(len(code) >= 6 and re.search(r"[._:/-]\w|[a-z][A-Z]|[A-Z]{3}", code)
               for code in re.findall(r"`([^`]+)`", question))


def _words(text: str) -> list[str]:
    """Content words without their plural s."""
    found = re.findall(r"[^\W_]{3,}", text.casefold())
    return [word.rstrip("s") for word in found if word not in _QUESTION_WORDS]


def _without_relative(subject: str) -> str:
    """Without code, and without the first word of one relative clause, which a subject may hold."""
    return re.sub(r"(?<=\w) (?:that|which|who) (?=\w)", " ", re.sub(r"`[^`]*`", "code", subject), count=1)
