"""Scripts and languages: words without blanks, marks that end sentences, and whether a text is English. Pure.

Languages are told apart by their most frequent words, which is enough to know which rules apply to a text.
"""

from __future__ import annotations

import re
import unicodedata

UNSPACED = "\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff" \
           "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0002ffff"
"""Scripts that put no blanks between words, as ranges of a character class: Thai, Lao, Burmese, Khmer, kana, Han."""
STOPS = ".!?\u2026\u3002\uff01\uff1f\uff0e\uff61\u0964\u0965\u06d4\u061f\u0589\u1362\u104b\u17d4"
"""Marks that end a sentence, for a character class."""
STOPS_WITHOUT_BLANK = "\u3002\uff01\uff1f\uff0e\uff61"
"""Those of them that need no blank behind them."""
QUESTION_MARKS = "?\uff1f\u061f\u037e\u055e"

_UNSPACED = re.compile(f"[{UNSPACED}]")
_WITHOUT_STOPS = re.compile(r"[\u0e00-\u0e7f\u0e80-\u0eff]")
_WORD = re.compile(rf"[^\W\d_{UNSPACED}]+")
_TOKEN = re.compile(rf"[{UNSPACED}]|(?:(?![{UNSPACED}])[\w\u0300-\u036f\u0900-\u0dff])+")
_LAST_LATIN = 0x24f
_FREQUENT = {
    "en": """the of and to is are that which with when it for by an be from has have can this what how who where why
             does do on as its not or""",
    "de": """der die das und ist sind den dem des ein eine einen einem einer zu mit von wird werden auf nicht wie
             welche welcher welches wann wo warum wer für bei nach im wenn durch dass er sie es lange viele""",
    "fr": """le la les des une du est sont dans qui que quel quelle quels quelles pour avec sur par au aux ne pas et
             comment combien quand pourquoi où il elle""",
    "es": """el la los las una del es son que qué cuál cuáles con para por se al y cómo cuándo cuánto dónde en""",
    "it": """il lo gli una del della dei delle è sono che con per di quale quali come quando dove perché nel e""",
    "pt": """o os as uma do da dos das é são que com para por em no na qual quais como quando quanto onde ao e""",
    "nl": """de het een van en is zijn dat met voor wordt op niet welke wanneer waar waarom hoe door bij""",
}
_SCRIPTS = tuple((re.compile(f"[{ranges}]"), language) for ranges, language in (
    ("\u3040-\u30ff\uff66-\uff9f", "ja"), ("\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff", "zh"),
    ("\u1100-\u11ff\u3130-\u318f\uac00-\ud7af", "ko"), ("\u0400-\u052f", "ru"), ("\u0370-\u03ff", "el"),
    ("\u0590-\u05ff", "he"), ("\u0600-\u06ff", "ar"), ("\u0900-\u097f", "hi"), ("\u0e00-\u0e7f", "th")))
"""Scripts, as ranges of a character class, with the language that most often is written in them."""
_WORDS_OF = {language: frozenset(words.split()) for language, words in _FREQUENT.items()}


def unspaced_characters(text: str) -> int:
    """Number of characters of scripts without blanks between words."""
    return len(_UNSPACED.findall(text))


def word_count(text: str) -> int:
    """Number of words; a character of a script without blanks counts as half a word."""
    unspaced = unspaced_characters(text)
    if not unspaced:
        return len(text.split())
    return sum(any(map(str.isalnum, piece)) for piece in _UNSPACED.sub(" ", text).split()) + unspaced // 2


def tokens(text: str) -> list[str]:
    """The words of a text in any script, lower case; each character of a script without blanks is one."""
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


def letters(text: str) -> int:
    """Number of letters, with the marks that belong to them in many scripts."""
    return sum(char.isalpha() or unicodedata.category(char)[0] == "M" for char in text)


def needs_no_stop(text: str) -> bool:
    """Whether a text is in a script whose sentences end without any mark."""
    return len(_WITHOUT_STOPS.findall(text)) > len(text) / 2


def is_english(text: str) -> bool:
    """Whether most of the frequent words in a text are English ones; not, if there is none."""
    english, others = _frequent_words(text)
    return english > others or (english == others > 0 and text.isascii())


def is_another_language(text: str) -> bool:
    """Whether a text is clearly not English, by its frequent words or by its script."""
    english, others = _frequent_words(text)
    return others > english or sum(char.isalpha() and ord(char) > _LAST_LATIN for char in text) > letters(text) / 2


def language_of(text: str) -> str:
    """The code (ISO 639-1) of a text's language, by its script or its frequent words; `und` where neither tells."""
    scripts = {language: count for script, language in _SCRIPTS if (count := len(script.findall(text)))}
    total = sum(scripts.values())
    if 3 * total > letters(text):
        # Japanese is written with Han too, and no other language with kana.
        return "ja" if scripts.get("ja", 0) > total / 20 else max(scripts, key=scripts.__getitem__)
    words = _WORD.findall(text.casefold())
    found = {language: sum(word in frequent for word in words) for language, frequent in _WORDS_OF.items()}
    best = max(found, key=found.__getitem__)
    return best if found[best] else "und"


def _frequent_words(text: str) -> tuple[int, int]:
    """How many words of a text are frequent ones of English, and of the language among the others that has most."""
    words = _WORD.findall(text.casefold())
    found = {language: sum(word in frequent for word in words) for language, frequent in _WORDS_OF.items()}
    return found.pop("en"), max(found.values())
