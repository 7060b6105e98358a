"""Lists of English verbs common in documentation, and their forms."""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[\w']+", text))


BE = _words("is are was were")
MODALS = _words("must should can cannot may will shall might could would")
# Asked with the verb itself: "What does X contain?"
REPORTING = _words("""
allow enable provide contain specify define return indicate describe represent determine control require support
include accept produce generate expect ignore disable override extend implement inherit store hold list use mean
prevent offer introduce affect need create set display print give take cause
""")
# Asked with their preposition: "What does X depend on?"
PREPOSITIONAL = {"depend": "on", "refer": "to", "consist": "of", "apply": "to", "lead": "to", "belong": "to",
                 "rely": "on", "point": "to", "default": "to", "correspond": "to", "evaluate": "to", "expand": "to",
                 "resolve": "to", "differ": "from", "serve": "as", "act": "as", "derive": "from", "operate": "on",
                 "relate": "to"}
# Asked with `do`: "What does X do?"
DOING = _words("""
install remove delete ensure make run start stop update add help check read write load save open close show convert
replace modify perform execute compare handle manage keep send receive become remain behave happen occur fail exist
work wait know treat detect verify validate find search publish build compile parse render copy move download upload
let come go grow follow begin end return search match turn put pass change increase reduce lock fetch print select
append insert retry rename restore write lose restart reset import export deploy schedule monitor
report collect connect delegate log drop sign insert split join sort filter format encode decode emit throw raise
initialize register configure skip call
""")
_ALL = REPORTING | DOING | frozenset(PREPOSITIONAL)
# Verbs that begin an instruction.
IMPERATIVES = _ALL | _words("""
avoid consider specify choose pick make try see note remember edit type press enter click go
""")


def base_form(word: str) -> str:
    """The base form of a third person singular (`installs` -> `install`); empty for unknown verbs."""
    for ending, put in (("ies", "y"), ("es", ""), ("s", "")):
        if word.endswith(ending) and word[:-len(ending)] + put in _ALL:
            return word[:-len(ending)] + put
    return ""


def is_verb(word: str) -> bool:
    """Whether a word is the base form of a known verb."""
    return word in _ALL


def is_participle(word: str) -> bool:
    """Whether a word is a past participle, which makes `is` passive."""
    return (len(word) > 4 and word.endswith("ed")) or word in _PARTICIPLES


_PARTICIPLES = _words("""
set made given run written read built sent found kept held shown known put taken chosen thrown drawn lost left bound
done hidden split cut broken stored spread brought bought sold caught seen understood meant overridden overwritten
""")
