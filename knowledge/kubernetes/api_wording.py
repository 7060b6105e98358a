"""Reword descriptions of the API reference into self-contained sentences.

A description relies on its row in a table ("Optional duration in seconds ..."); a reference answer must name its
subject ("In a PodSpec, terminationGracePeriodSeconds (integer, optional) is ...").
"""

from __future__ import annotations

import re

from knowledge.kubernetes.api_models import ApiField, ApiKind
from knowledge.kubernetes.api_sentences import LEAD_NOISE, sentences, shortened

# Descriptions of fields that every kind has.
_BOILERPLATE = ("APIVersion defines the versioned schema", "Kind is a string value representing the REST")

_PLAIN_TYPES = {"str": "string", "int": "integer", "bool": "boolean", "float": "number", "dict": "map",
                "Time": "timestamp", "MicroTime": "timestamp", "Quantity": "quantity",
                "IntOrString": "integer or percentage", "RawExtension": "arbitrary object"}

# Verbs at the start of a description, and their form after the field's name.
_VERBS: dict[str, str] = {verb.capitalize(): verb for verb in re.findall(
    r"\w+", "adapts allows adds associates carries configures contains controls declares defines delegates describes "
    "determines enables gives groups holds identifies indicates is keeps limits lists maps matches names patches "
    "points populates provides records references refers reports represents requests requires restricts says selects "
    "sets specifies states stores tells tracks wraps")}
_VERBS |= {"Indicate": "indicates", "Specify": "specifies", "Describe": "describes", "Represent": "represents",
           "Whether": "says whether", "Used": "is used", "Use": "serves to use"}
_SINGULAR_NOUNS = frozenset(re.findall(r"[\w-]+", """
name number type path duration time minimum maximum total last list array set status address host port value key
amount size id uid ip reference label message reason version image policy current desired count periodic standard
human specification identifier details generation
"""))
_FINITE = re.compile(r"\b(is|are|will|must|should|can|may|has|have|does|defaults|cannot|needs|means|matches)\b", re.I)


# Match any name and compare it afterwards: one pattern per name would be compiled a thousand times.
_ARTICLE = re.compile(r"^(?:A|An|The) ")
_SUBJECT_AND_VERB = re.compile(r"(?:the |a |an )?['\"]?([\w$.-]+)['\"]?\s+(\S+)\s", re.I)


def article(noun: str) -> str:
    """'a' or 'an' by the pronunciation of a kind's name: an EnvVar, an HTTPGetAction, a UserInfo."""
    if re.match(r"[A-Z]{2}", noun):
        return "an" if noun[0] in "AEFHILMNORSX" else "a"
    return "an" if noun[0] in "AEIO" or noun.startswith("Un") else "a"


def spoken_type(type_: str) -> str:
    """A field's type in words: `List[EnvVar]` is 'list of EnvVar', `meta_v1.Time` is 'timestamp'."""
    if listed := re.fullmatch(r"List\[(.+)\]", type_):
        inner = spoken_type(listed[1])
        return f"list of {inner}s" if inner.islower() else f"list of {inner}"
    return _PLAIN_TYPES.get(name := type_.rpartition(".")[2], name)


def field_text(kind: ApiKind, field: ApiField) -> str:
    """A field's description as an answer that names kind, field and type; empty if it is too short."""
    found = sentences(field.description)
    if not found or len(" ".join(found)) < 40:
        return ""
    return shortened([f"{subject(kind, field)}{continuation(field.name, found[0])}", *found[1:]])


def is_boilerplate(field: ApiField) -> bool:
    """Whether a field has the same description in every kind."""
    return field.name in ("metadata", "managedFields", "selfLink") or field.description.startswith(_BOILERPLATE)


def subject(kind: ApiKind, field: ApiField) -> str:
    """The beginning of every field's text; `make_distractors` puts it before another field's description."""
    presence = "optional" if field.optional else "required"
    return f"In {article(kind.name)} {kind.name}, {field.name} ({spoken_type(field.type)}, {presence})"


def kind_text(kind: ApiKind) -> str:
    """A kind's description with its name and a list of its fields; empty if it is too short."""
    found = sentences(kind.description)
    if not found or len(found[0].split()) < 5:
        return ""
    bare = _ARTICLE.sub("", found[0])
    first = bare if _begins_with(bare, kind.name) else found[0]
    if not first.startswith(kind.name):
        first = _named(kind.name, first)
    return shortened([first, *found[1:], _fields_sentence(kind)], keep_last=True)


def continuation(field_name: str, sentence: str) -> str:
    """A description's first sentence, worded to continue the field's name: ' is ...', ' specifies ...' or ': ...'."""
    named = _SUBJECT_AND_VERB.match(sentence)
    if named and named[1].casefold() == field_name.casefold() and (verb := _third_person(named[2])):
        return f" {verb} {_continued(verb, LEAD_NOISE.sub('', sentence[named.end():]))}"
    first, _, rest = sentence.partition(" ")
    if first.capitalize() in _VERBS:
        return f" {_VERBS[first.capitalize()]} {rest}"
    if not _is_clause(sentence):
        if first in ("The", "A", "An"):
            return f" is {first.lower()} {rest}"
        if first.lower() in _SINGULAR_NOUNS:
            return f" is {'a' if first in ('List', 'Array', 'Set', 'Reference') else 'the'} {_lowered(first)} {rest}"
    return f": {sentence}"


def _begins_with(sentence: str, name: str) -> bool:
    """Whether the sentence starts with this name as a whole word."""
    return sentence.startswith(name) and not re.match(r"\w", sentence[len(name):])


def _named(kind: str, sentence: str) -> str:
    first, _, rest = sentence.partition(" ")
    lead = f"{article(kind).capitalize()} {kind}"
    if first in _VERBS:
        return f"{lead} {_VERBS[first]} {rest}"
    if first in ("The", "A", "An") and not _is_clause(sentence):
        return f"{lead} is {first.lower()} {rest}"
    return f"{kind} in the Kubernetes API: {sentence}"


def _third_person(word: str) -> str:
    """The third person singular of a verb; empty if the word is not a verb."""
    if word.capitalize() in _VERBS:
        return _VERBS[word.capitalize()]
    return word if word.islower() and (_FINITE.fullmatch(word) or re.search(r"[^s]s$", word)) else ""


def _continued(verb: str, rest: str) -> str:
    """The rest after the verb; corrects 'is Used as' and 'is unique ID of' in the reference."""
    rest = rest.strip()
    first, _, more = rest.partition(" ")
    if verb == "is" and first in ("Used", "The", "A", "An", "True", "False"):
        return f"{first.lower()} {more}"
    return f"the {rest}" if verb == "is" and first in _SINGULAR_NOUNS | {"unique", "filesystem"} else rest


def _is_clause(sentence: str) -> bool:
    """Whether a sentence has a main verb outside relative clauses; otherwise it is a noun phrase."""
    verb = _FINITE.search(sentence)
    if verb is None:
        return False
    relative = re.search(r"\b(that|which|who|whose|where|when|whether|if|how|after|until|while)\b", sentence, re.I)
    return relative is None or verb.start() < relative.start()


def _lowered(word: str) -> str:
    return word if word.isupper() else word.lower()


def _fields_sentence(kind: ApiKind) -> str:
    names = [field.name for field in kind.fields if not is_boilerplate(field)]
    if not names:
        return ""
    needed = [field.name for field in kind.fields if not field.optional and field.name in names]
    if len(names) > 8:
        return f"Its required field{'s are' if len(needed) > 1 else ' is'} {_listed(needed)}." if needed else ""
    if needed and len(needed) < len(names):
        return f"Its fields are {_listed(names)}; required: {_listed(needed)}."
    one = "Its only field is" if len(names) == 1 else "Its fields are"
    return f"{one} {_listed(names)}."


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
