"""Question templates for API fields and kinds: at least two wordings that may be trained on and one for the test.

Every wording names its subject. The templates depend on the form of the field (a switch, a number, a choice ...), their
order on a hash of the field's name, so that a set of questions does not repeat one wording. Those for the test ask from
another angle, as somebody would who uses the API: other sentences and other words for field, kind and purpose.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from knowledge.kubernetes.api_models import ApiField, ApiKind
from knowledge.kubernetes.api_wording import article

# By form of the field. `{a} {kind}` is "a PodSpec" or "an EnvVar".
FORMS: dict[str, tuple[str, ...]] = {
    "switch": ("What happens when {field} is set to true in {a} {kind}?",
               "What does the boolean field {field} of {a} {kind} control?",
               "In {a} {kind}, what is the effect of {field} being true?",
               "Why would you set {field} in {a} {kind}?"),
    "flag": ("What does the boolean field {field} of {a} {kind} tell you?",
             "In {a} {kind}, what does it mean when {field} is true?",
             "What is reported by {field} in {a} {kind}?"),
    "default number": ("What does {field} set in {a} {kind}, and what is its default?",
                       "Which number does {field} of {a} {kind} stand for, and what applies when it is not given?",
                       "In {a} {kind}, what is {field} and which value does it default to?"),
    "number": ("What does the number in {field} of {a} {kind} mean?",
               "In {a} {kind}, what is counted or measured by {field}?",
               "How is the value of {field} in {a} {kind} to be understood?"),
    "choice": ("Which values can {field} of {a} {kind} take?",
               "What are the possible settings of {field} in {a} {kind}?",
               "In {a} {kind}, what does {field} decide and which values are there for it?"),
    "default text": ("What does {field} of {a} {kind} specify, and what is the default?",
                     "In {a} {kind}, what is {field} for and what applies when it is left out?",
                     "What is the meaning of {field} in {a} {kind}, and which default does it have?"),
    "list": ("What does the {field} list of {a} {kind} contain?",
             "In {a} {kind}, which items go into {field}?",
             "What is the list {field} in {a} {kind} used for?",
             "How does {a} {kind} make use of its {field} list?"),
    "map": ("What does the {field} map of {a} {kind} hold?",
            "In {a} {kind}, which keys and values belong in {field}?",
            "What is the map {field} in {a} {kind} used for?"),
    "time": ("Which point in time does {field} of {a} {kind} record?",
             "In {a} {kind}, what moment does {field} stand for?",
             "When is {field} set in {a} {kind}, and what does it mean?"),
    "object": ("What does {field} in {a} {kind} describe?",
               "What is the {field} object of {a} {kind} used for?",
               "In {a} {kind}, what do you express with {field}?",
               "What role does {field} play in {a} {kind}?"),
    "text": ("What does the {field} field of {a} {kind} specify?",
             "In {a} {kind}, what is {field} for?",
             "What is the meaning of {field} in {a} {kind}?",
             "How is the string {field} of {a} {kind} used?"),
    "kind": ("What is {a} {kind} in the Kubernetes API, and which fields does it have?",
             "What does the API object {kind} describe, and what does it consist of?",
             "What is the purpose of {a} {kind}, and what does it hold?",
             "How would you explain {a} {kind} and its fields?"),
    "wide kind": ("What is {a} {kind} in the Kubernetes API?",
                  "What does the API object {kind} describe?",
                  "What is the purpose of {a} {kind}?",
                  "How would you explain what {a} {kind} is?"),
}

TEST_FORMS: dict[str, tuple[str, ...]] = {
    "switch": ("What difference does it make to {a} {kind} whether {field} is on or off?",
               "A colleague turns {field} on while writing {a} {kind}; which change will they see?",
               "Suppose {field} is enabled on {a} {kind}; how do things differ then?"),
    "flag": ("What can a script conclude on finding {field} positive on {a} {kind}?",
             "A colleague reads {field} off {a} {kind} and it says yes; what do they know then?"),
    "default number": ("How large is {field} if nobody fills it in on {a} {kind}, and what does it govern?",
                       "Nobody touched {field} when writing {a} {kind}; what figure is in force, and for what?"),
    "number": ("How would you explain the figure under {field} to somebody who looks at {a} {kind}?",
               "A colleague comes across a figure called {field} on {a} {kind}; what do you tell them about it?"),
    "choice": ("Between what alternatives does the author of {a} {kind} decide under {field}?",
               "What may somebody put for {field} on {a} {kind} without being refused?"),
    "default text": ("What is assumed when the author of {a} {kind} says nothing about {field}, and what is it about?",
                     "Can {field} be skipped when somebody writes {a} {kind}, and what happens in that case?"),
    "list": ("What would one expect to find, one by one, under {field} of {a} {kind}?",
             "A colleague adds something to {field} of {a} {kind}; what sort of thing is it, and to what end?"),
    "map": ("What would one look up under {field} of {a} {kind}, and by what?",
            "A colleague writes {a} {kind} and reaches {field}; what pairs go there?"),
    "time": ("What happened at the moment that {field} tells of on {a} {kind}?",
             "How would you read the date under {field} of {a} {kind}?"),
    "object": ("Why would somebody bother to fill in {field} on {a} {kind}?",
               "A colleague comes across {field} while reading {a} {kind}; what do you tell them about it?",
               "What would be missing from {a} {kind} if {field} were left out?"),
    "text": ("A colleague writes {a} {kind} and reaches {field}; what is to go there, and to what end?",
             "How would you explain the words under {field} to somebody who reads {a} {kind}?"),
    "kind": ("To what end would somebody deal with {a} {kind}, and of what parts is it made?",
             "A colleague opens {a} {kind}; what is it there for, and what will they see inside?"),
    "wide kind": ("To what end would somebody deal with {a} {kind} at all?",
                  "A colleague comes across {a} {kind}; what do you tell them it is there for?"),
}
"""By form of the field: templates of test questions, which are never trained on."""

_DEFAULT = re.compile(r"\bdefault(?:s|ed)? to\b|\bdefaults? (?:value|is|of|true|false|/)\b|"
                      r"\b(?:by|as) default\b|\(default\b|\bdefault:|\bdefault \w+ is\b", re.I)
# "Valid values are ...", "must be "Allow" or ...", "is Utilization, Value, or ...": where a text lists what is allowed.
_CHOICE = re.compile(
    r"\b(?:valid|supported|possible|allowed|known) (?:enum )?(?:values|options|operators|types) are\b|\bone of\b|"
    r"\b(?:must be|can be|either|values? (?:are|is|can be|must be|may be)|options? (?:are|is)):? "
    r"(?-i:[\"'A-Z])[^.]*[ ,]|"
    r"(?:\bis|\bare|:) (?-i:[\"'A-Z])[\w ]+[\"']?, (?:or )?(?-i:[\"'A-Z])", re.I)


@dataclass(frozen=True)
class Wordings:
    """The questions about one field or kind."""

    questions: tuple[str, ...]
    """May be trained on."""
    test_questions: tuple[str, ...]
    """Reserved for the test; one is enough."""


def field_questions(kind: ApiKind, field: ApiField, text: str) -> Wordings:
    """All wordings for a field; `text` is the answer, which determines the form."""
    return _worded(shape_of(kind, field, text), kind.name, field.name)


def kind_questions(kind: ApiKind, text: str) -> Wordings:
    """All wordings for a kind as a whole; they ask for its fields only if the answer lists them."""
    return _worded("kind" if re.search(r"Its (?:only )?fields? (?:is|are) ", text) else "wide kind", kind.name, "")


def shape_of(kind: ApiKind, field: ApiField, text: str) -> str:
    """The form of a field: a key of FORMS."""
    defaulted = bool(_DEFAULT.search(text))
    if field.type == "bool":
        return "flag" if kind.name.endswith(("Status", "Conditions")) else "switch"
    if field.type in ("int", "float", "resource.Quantity", "util_intstr.IntOrString"):
        return "default number" if defaulted else "number"
    if field.type.endswith("Time"):
        return "time"
    if field.type.startswith("List["):
        return "list"
    if field.type == "dict":
        return "map"
    if field.type != "str":
        return "object"
    return "choice" if _CHOICE.search(text) else "default text" if defaulted else "text"


def _worded(shape: str, kind: str, field: str) -> Wordings:
    chance = int(hashlib.sha256(f"{kind}.{field}".encode()).hexdigest(), 16)

    def filled(forms: tuple[str, ...], chance: int) -> tuple[str, ...]:
        first = chance % len(forms)
        return tuple(form.format(field=field, kind=kind, a=article(kind)) for form in forms[first:] + forms[:first])
    return Wordings(filled(FORMS[shape], chance), filled(TEST_FORMS[shape], chance // len(FORMS[shape])))
