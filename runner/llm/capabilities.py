"""Request options that an endpoint supports, found by trying.

OpenAI-compatible servers differ in structured output, in the name of the token limit, in sampling options and in
roles. All options are sent first; each refusal removes the option that its message names. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from runner.llm.chat import ChatRequest

RESPONSE_FORMATS = ("json_schema", "json_object", "text")
LIMIT_NAMES = ("max_tokens", "max_completion_tokens", None)
"""In the order in which they are tried; None sends no limit."""
SYSTEM_ROLE = "system role"
LARGEST_LIMIT = "largest limit"
SIMPLE_OPTIONS = ("seed", "temperature", "top_p", "reasoning_effort")
"""Options that are sent or not."""
_MIN_LIMIT = 16

# Option -> its names on the wire, other wordings of the same complaint, and words that hint at it where none is named.
_NAMES = {
    "seed": (r"seed|random_?seed", r"seeds?"),
    "temperature": (r"temperature", r"temperature"),
    "top_p": (r"top[_-]?p", r"top[ _-]?p|nucleus sampling"),
    "reasoning_effort": (r"reasoning_?effort|reasoning\.effort",
                         r"reasoning[ _.-]?(?:effort|value)|effort|enable_?thinking|"
                         r"supports? (?:reasoning|thinking)|low, medium|"
                         r"think(?:ing)?[ _](?:value|level|budget|config|mode)", r"thinking|reasoning"),
    "limit": (r"max_?(?:completion_?|output_?|new_?)?tokens|n(?:um)?_predict",
              r"max(?:imum)?[ _-](?:\w+[ _-]){0,3}tokens|max_?(?:gen_?)?len(?:gth)?"),
    "response_format": (r"response_?format(?:\.[\w.]+)?|response_?(?:json_?)?schema|json_schema|json_object|guided_\w+|"
                        r"response_?mime_?type|(?:text|output_config)\.format",
                        r"response[ _-]?formats?|json[ _-]?(?:schema|object|mode)|structured[ _-]outputs?|"
                        r"guided (?:decoding|json)|grammar|schema|json output|"
                        r"(?:constrained|controlled) (?:decoding|generation)|strict mode|"
                        r"structured generation|xgrammar|outlines|lm-format-enforcer|llguidance|output[_ ]?format"),
    SYSTEM_ROLE: (r"messages\W{1,4}0\W{1,4}role",
                  r"(?:system|developer)[ _-]*(?:role|prompt|message|instruction)s?|roles?\W{1,3}(?:system|developer)|"
                  r"(?:system|developer) is not (?:\w+ ){0,3}role|value\W{1,3}(?:system|developer)|"
                  r"(?:rolle|rôle|rol|роль|角色) (?:system|système|系统)|system\s*(?:角色|消息)|"
                  r"roles? (?:must )?alternate|roles? must be|role has (?:an )?invalid value|"
                  r"(?:use a|not a) valid role|"
                  r"only (?:the )?(?:roles? )?user(?:,| and) [\w, ]{0,30}assistant(?: [\w, ]{0,20}roles?)?|"
                  r"first message must (?:have|use|be)(?: \w+){0,3} user|(?:start|begin)s? with (?:an? )?user|"
                  r"(?:unexpected|unsupported|unknown|invalid)(?: message)? role"),
}
_SEARCH_ORDER = ("response_format", "seed", "reasoning_effort", "top_p", "temperature", "limit", SYSTEM_ROLE)
"""In which options are given up one after the other where no refusal names one: the least supported first."""
_HINT = 2
_QUOTES = re.compile(r"""[\\"'`“”‘’«»]+""")
_UNSUPPORTED = re.compile(r"unsupported|not supported|unknown|unrecognized|unrecognised|not permitted|unexpected|"
                          r"instead|cannot find field|deprecated", re.I)


@dataclass(frozen=True)
class RefusedOption:
    """An option that an endpoint refused, and what is sent from then on."""

    option: str
    """One of `SIMPLE_OPTIONS`, `limit`, `LARGEST_LIMIT`, `response_format` or `SYSTEM_ROLE`; stored."""
    sent_instead: str
    """What is sent instead: a response format, the limit's other name, the largest limit; empty: nothing."""
    message: str
    """The endpoint's own words."""


OnRefused = Callable[[RefusedOption], None]


@dataclass(frozen=True)
class EndpointCapabilities:
    """Which options are sent with each request."""

    response_format: str = RESPONSE_FORMATS[0]
    limit_name: str | None = LIMIT_NAMES[0]
    limit_cap: int | None = None
    """The largest token limit that the endpoint accepts, where a refusal stated it."""
    dropped: frozenset[str] = frozenset()
    """Which of seed, temperature, top_p and reasoning_effort are not sent."""
    system_role: bool = True
    """False where the system text has to precede the user's, in one message."""

    def messages(self, request: ChatRequest) -> list[dict[str, str]]:
        """The request's messages."""
        if not request.system:
            return [{"role": "user", "content": request.user}]
        if not self.system_role:
            return [{"role": "user", "content": f"{request.system}\n\n{request.user}".strip()}]
        return [{"role": "system", "content": request.system}, {"role": "user", "content": request.user}]

    def options(self, request: ChatRequest) -> dict[str, Any]:
        """The request's options, apart from model and messages."""
        options: dict[str, Any] = {"temperature": request.temperature, "seed": request.seed, "top_p": request.top_p,
                                   "reasoning_effort": request.reasoning_effort}
        options = {name: value for name, value in options.items() if value is not None and name not in self.dropped}
        if self.limit_name:
            options[self.limit_name] = min(request.max_tokens, self.limit_cap or request.max_tokens)
        if not request.schema:
            return options
        if self.response_format == "json_schema":
            schema = {"name": request.schema_name, "strict": True, "schema": request.schema}
            options["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif self.response_format == "json_object":
            options["response_format"] = {"type": "json_object"}
        return options

    def refused_option(self, message: str, param: str = "", request: ChatRequest | None = None,
                       hints: bool = True) -> str | None:
        """Which of the options that are sent a refusal names: by its `param`, else by exact name, else by wording.

        Args:
            hints: whether a word that only hints at an option counts, where none is named.
        """
        said, place = _QUOTES.sub("", message), _QUOTES.sub("", param).replace("/", " ")
        for text, tier in [(place, 0), *((said, tier) for tier in range(_HINT + hints))]:
            found = [(match.start(), option) for option in self.sent(request)
                     for names in _NAMES[option][tier:tier + 1]
                     if (match := re.search(rf"(?<![A-Za-z0-9_/-])(?:{names})(?![A-Za-z0-9_-])", text, re.I))]
            if found:
                return min(found)[1]
        return None

    def without_option(self, option: str, message: str = "", limit: int | None = None) -> EndpointCapabilities | None:
        """The same without an option: its next simpler value, or not sent at all; None where it is not sent now."""
        if option == "response_format":
            index = RESPONSE_FORMATS.index(self.response_format)
            return replace(self, response_format=RESPONSE_FORMATS[index + 1]) if index + 1 < len(RESPONSE_FORMATS) \
                else None
        if option == "limit":
            cap = _stated_cap(message, min(limit, self.limit_cap or limit)) if limit else None
            return replace(self, limit_cap=cap) if cap else \
                replace(self, limit_name=LIMIT_NAMES[LIMIT_NAMES.index(self.limit_name) + 1])
        if option == SYSTEM_ROLE:
            return replace(self, system_role=False)
        return replace(self, dropped=self.dropped | {option})

    def fewest(self, bare: bool = False, keep_limit: bool = False) -> EndpointCapabilities:
        """The same without options; token limit and system role stay unless it is to be `bare`.

        Args:
            keep_limit: whether the token limit stays also then.
        """
        fewer = replace(self, response_format=RESPONSE_FORMATS[-1], dropped=frozenset(SIMPLE_OPTIONS))
        return replace(fewer, limit_name=self.limit_name if keep_limit else None, system_role=False) if bare else fewer

    def each_given_up(self, request: ChatRequest, keep_limit: bool = False
                      ) -> Iterator[tuple[str, EndpointCapabilities]]:
        """Ever fewer options for a request: each time the option that has become simpler, or is not sent any more, and
        what is sent then.

        Args:
            keep_limit: whether the token limit stays.
        """
        fewer = self
        for option in _SEARCH_ORDER:
            while option in fewer.sent(request) and not (keep_limit and option == "limit"):
                fewer = fewer.without_option(option) or fewer
                yield option, fewer

    def merge(self, other: EndpointCapabilities) -> EndpointCapabilities:
        """What both support: concurrent calls find out different things."""
        caps = [cap for cap in (self.limit_cap, other.limit_cap) if cap]
        return EndpointCapabilities(
            max(self.response_format, other.response_format, key=RESPONSE_FORMATS.index),
            max(self.limit_name, other.limit_name, key=LIMIT_NAMES.index), min(caps, default=None),
            self.dropped | other.dropped, self.system_role and other.system_role)

    @property
    def refused(self) -> dict[str, str]:
        """What differs from the options that are tried first: option -> what is sent instead, empty for nothing."""
        found = {name: "" for name in SIMPLE_OPTIONS if name in self.dropped}
        if self.response_format != RESPONSE_FORMATS[0]:
            found["response_format"] = self.response_format
        if self.limit_name != LIMIT_NAMES[0]:
            found["limit"] = self.limit_name or ""
        if self.limit_cap:
            found[LARGEST_LIMIT] = str(self.limit_cap)
        return found if self.system_role else found | {SYSTEM_ROLE: ""}

    @classmethod
    def from_refused(cls, refused: Mapping[str, str]) -> EndpointCapabilities:
        """The capabilities whose `refused` this is; entries of another version that make no sense are ignored."""
        form, name = refused.get("response_format"), refused.get("limit", LIMIT_NAMES[0]) or None
        cap = refused.get(LARGEST_LIMIT, "")
        return cls(form if form in RESPONSE_FORMATS else RESPONSE_FORMATS[0],
                   name if name in LIMIT_NAMES else LIMIT_NAMES[0], int(cap) if cap.isdecimal() and int(cap) else None,
                   frozenset(name for name in SIMPLE_OPTIONS if name in refused), SYSTEM_ROLE not in refused)

    def sent(self, request: ChatRequest | None) -> list[str]:
        """The options that a request is sent with; of any request, those that may be."""
        sent = {"seed", "temperature", "limit", "response_format", SYSTEM_ROLE, "top_p", "reasoning_effort"}
        if request is not None:
            sent -= {name for name in ("top_p", "reasoning_effort") if getattr(request, name) is None}
            sent -= {option for option, there in (("response_format", request.schema), (SYSTEM_ROLE, request.system))
                     if not there}
        missing = {"response_format" if self.response_format == RESPONSE_FORMATS[-1] else "",
                   "" if self.limit_name else "limit", "" if self.system_role else SYSTEM_ROLE}
        return sorted(sent - self.dropped - missing)


def _stated_cap(message: str, limit: int) -> int | None:
    """The largest token limit that a refusal of a too large one allows; None where the option itself is refused."""
    if _UNSUPPORTED.search(message):
        return None
    numbers = [int(number.replace(",", "")) for number in re.findall(r"(?<![\w.])\d[\d,]*(?![\w]|\.\d)", message)]
    return max((number for number in numbers if _MIN_LIMIT <= number < limit), default=None)
