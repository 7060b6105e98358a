"""What a heading names: an option, a function or a setting, without its type, arguments, number and marks. Pure."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"^(?:chapter|section|part|appendix)?\s*(?:\d+(?:\.\d+)*\.?|"
                     r"[A-Z](?:\.\d+)+\.?)\s*[:–—-]?\s+(?=\S)", re.I)
_KIND = re.compile(r"^(?:class|static method|method|function|event|property|module|interface|type|enum|trait|struct|"
                   r"appendix \w|chapter \d+):\s+", re.I)
_MARKS = re.compile(r"\[\[.*?\]\]|[#¶]+$|^[#=*]+\s+|\s*:+$")
# Words of a signature before the name: `class`, `async def`, `static int`.
_BEFORE_A_NAME = re.compile(r"^(?:(?:class|exception|async|classmethod|staticmethod|abstractmethod|property|static|"
                            r"const|unsigned|extern|struct|enum|int|void|char|long|short|double|float|bool|size_t|"
                            r"u?int\d*_t|function|func|def|method|[A-Za-z]\w*_t|Py\w*)\s+\*{0,2})+(?=[\w.]+\b)")
_TYPE_BEHIND = re.compile(r"\s+\((?:integer|int|bool|boolean|string|enum|float|floating point|real|number|list|array|"
                          r"object|optional|required|size|duration|path)(?:,[^()]*)?\)$", re.I)
_MANUAL_PAGE = re.compile(r"[\w.+-]+\(\d\w?\)")
_CALL = re.compile(r"([A-Za-z_$][\w.$:]*)\s?\(.*$")
_PLACEHOLDERS = re.compile(r"(?<=\w)\s+(?:[\[<{].*|\.\.\.)$")
_ALTERNATIVES = re.compile(r",\s+-.*$|\s+\|\s+.*$")
_ENTRY = re.compile(r"[-\w.$\\@:<>=\[\]/+*%!&?]+(?:\(\))?")
_LIKE_CODE = re.compile(r"[_$\\@=]|^[-.]|\w\(\)$|\w[.:/]\w|[a-z][A-Z]|\w-\w+-\w|[a-z]\d|^[A-Z][A-Z_\d]{2,}$")


def bare_heading(heading: str) -> str:
    """A heading without chapter number, kind and the marks of an anchor."""
    shorter = _MARKS.sub("", _KIND.sub("", heading)).strip()
    return _NUMBER.sub("", shorter) or heading


def entry_name(heading: str) -> str:
    """The name that a heading consists of: `max_jobs (integer)` -> `max_jobs`, `def f(a, b)` -> `f()`.

    A heading that is no single name is returned as it is, without number and marks.
    """
    bare = bare_heading(heading)
    if _MANUAL_PAGE.fullmatch(bare):
        return bare
    name = _TYPE_BEHIND.sub("", bare)
    name = _BEFORE_A_NAME.sub("", _ALTERNATIVES.sub("", name) if name.startswith("-") else name)
    if (call := _CALL.fullmatch(name)) and (_LIKE_CODE.search(call[1]) or "(" in heading.replace(" (", "")):
        return f"{call[1]}()"
    name = _PLACEHOLDERS.sub("", name)
    return name if is_entry(name) or " " not in name else bare


def is_entry(name: str) -> bool:
    """Whether a name is written like code: an option, a function, a setting, a variable."""
    return bool(_ENTRY.fullmatch(name) and _LIKE_CODE.search(name) and re.search(r"[^\W\d]", name)
                and not _MANUAL_PAGE.fullmatch(name))
