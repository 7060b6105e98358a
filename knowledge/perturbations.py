"""Make a true text false by one small change: a number, a boolean, a choice, an opposite or a negation.

The length hardly changes, so only the meaning distinguishes the result from the true text.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from knowledge.other_language_perturbations import perturb_other_language

Rule = Callable[[str, random.Random], str | None]

# Groups of values that can replace each other.
CHOICES = ("Always Never IfNotPresent OnFailure", "TCP UDP SCTP", "ClusterIP NodePort LoadBalancer ExternalName",
           "Retain Delete Recycle", "ReadWriteOnce ReadOnlyMany ReadWriteMany ReadWriteOncePod",
           "NoSchedule PreferNoSchedule NoExecute", "RollingUpdate Recreate OnDelete", "OrderedReady Parallel",
           "Guaranteed Burstable BestEffort", "Immediate WaitForFirstConsumer", "Allow Forbid", "Filesystem Block",
           "Exact Prefix ImplementationSpecific", "HTTP HTTPS", "Fail Ignore", "ClusterFirst Default",
           "SIGTERM SIGKILL", "NonIndexed Indexed", "liveness readiness startup", "seconds minutes hours days",
           "Deployment StatefulSet DaemonSet", "ConfigMap Secret", "kubelet kube-scheduler kube-proxy",
           "Role ClusterRole", "RoleBinding ClusterRoleBinding", "etcd kubelet")
OPPOSITES = ("minimum/maximum", "before/after", "at least/at most", "all/none", "more/fewer", "increase/decrease",
             "increased/decreased", "enabled/disabled", "same/different", "included/excluded", "allowed/forbidden",
             "first/last", "higher/lower", "highest/lowest", "read-only/writable", "start/stop", "starts/stops",
             "created/deleted", "upper/lower", "greater/less", "up/down", "with/without", "always/never",
             "empty/non-empty", "inside/outside", "ingress/egress", "successful/failed", "available/unavailable",
             "ready/unready", "namespaced/cluster-scoped", "every/no", "incoming/outgoing")

_SUBJECT = re.compile(r"^In an? \w+, [\w-]+ \([^)]*\)")
_NUMBER = re.compile(r"(?<![\w./:-])\d+(?:\.\d+)?(?![\w/:-]|\.\d)")
_DENIED = re.compile(r"\b(cannot|(?:is|are|was|were|do|does|must|should|will|may|can|has|have) not)\b", re.I)
_STATED = re.compile(r"(?:(\w+) )?\b(is|are|must|can|will|should|may|was|were)\b(?! not\b)", re.I)
_DOES = re.compile(r"\b(specifies|indicates|describes|represents|defines|contains|holds|controls|determines|selects|"
                   r"requires|allows|provides|lets|runs|keeps|gives|makes|creates|deletes|needs|uses|means|sets|adds|"
                   r"restarts|waits|starts|stops|removes|returns|ensures|tells|identifies|stores|matches)\b")
# Negating "are never restarted" again would make hardly any sense.
_DENIED_ALREADY = re.compile(r"\s+(?:no|never|none|neither|nothing|nor)\b", re.I)
_CLAUSE_OPENER = frozenset(re.findall(r"[\w-]+", """
that which who if when where whether what unless because while this as
"""))


def perturb(text: str, seed: int) -> tuple[str, str]:
    """A false version of the text, and the name of the rule that made it; never equal to the text.

    The subject of an API text ("In a PodSpec, hostNetwork (boolean, optional)") is not changed. A text in another
    language is changed in its own words.
    """
    rng = random.Random(f"{seed} {text}")
    if elsewhere := perturb_other_language(text, rng):
        return elsewhere
    named = _SUBJECT.match(text)
    head, body = (text[:named.end()], text[named.end():]) if named else ("", text)
    for name in _shuffled_rules(rng):
        changed = RULES[name](body, rng)
        if changed is not None and changed != body:
            return head + changed, name
    return f"It is not true that {text[:1].lower() + text[1:]}", "denied"


def change_number(text: str, rng: random.Random) -> str | None:
    """Change one number, always to a different, non-zero one."""
    found = list(_NUMBER.finditer(text))
    if not found:
        return None
    number = rng.choice(found)
    old = number[0]
    value = float(old) if "." in old else int(old)
    new = rng.choice([value * 2, value * 3, value + 5]) if value else rng.choice([1, 5, 10])
    spelled = f"{new:.1f}" if isinstance(new, float) else str(new).zfill(len(old)) if old.startswith("0") else str(new)
    return _replaced(text, number.start(), number.end(), spelled)


def swap_boolean(text: str, rng: random.Random) -> str | None:
    """Change one `true` to `false` or vice versa."""
    found = list(re.finditer(r"\b(true|false)\b", text, re.I))
    if not found:
        return None
    word = rng.choice(found)
    return _replaced(text, word.start(), word.end(), _cased("false" if word[0].lower() == "true" else "true", word[0]))


def swap_choice(text: str, rng: random.Random) -> str | None:
    """Replace a value by another of its group, if the text names just one of them: a list of all values would stay
    true."""
    options = []
    for group in CHOICES:
        members = group.split()
        present = [member for member in members if re.search(rf"(?<![\w-]){member}(?![\w-])", text)]
        if len(present) == 1:
            options.append((present[0], [member for member in members if member not in present]))
    if not options:
        return None
    old, others = rng.choice(options)
    return re.sub(rf"(?<![\w-]){old}(?![\w-])", rng.choice(others), text)


def reverse(text: str, rng: random.Random) -> str | None:
    """Replace one word by its opposite, such as minimum by maximum."""
    options = []
    for pair in OPPOSITES:
        one, other = pair.split("/")
        options += [(match, new) for old, new in ((one, other), (other, one))
                    for match in re.finditer(rf"(?<![\w-]){old}(?![\w-])", text, re.I)]
    if not options:
        return None
    match, new = rng.choice(options)
    return _replaced(text, match.start(), match.end(), _cased(new, match[0]))


def negate(text: str, rng: random.Random) -> str | None:
    """Remove a negation, or negate the statement of a main clause."""
    if denials := list(_DENIED.finditer(text)):
        denial = rng.choice(denials)
        word = denial[0]
        positive = _cased("can", word) if word.lower() == "cannot" else word[:-len(" not")]
        return _replaced(text, denial.start(), denial.end(), positive)
    stated = [match for match in _STATED.finditer(text) if (match[1] or "").lower() not in _CLAUSE_OPENER
              and not _DENIED_ALREADY.match(text, match.end())]
    if stated:
        verb = stated[0]
        denied = "cannot" if verb[2].lower() == "can" else f"{verb[2]} not"
        return _replaced(text, verb.start(2), verb.end(2), denied)
    does = next((match for match in _DOES.finditer(text) if not _DENIED_ALREADY.match(text, match.end())), None)
    if does:
        return _replaced(text, does.start(), does.end(), f"does not {_base_form(does[0])}")
    return None


RULES: dict[str, Rule] = {"number changed": change_number, "true for false": swap_boolean,
                          "another choice": swap_choice, "reversed": reverse, "negated": negate}


def _shuffled_rules(rng: random.Random) -> list[str]:
    """Rule names in random order, values before words: an added `not` is recognizable by style alone."""
    values, words = ["number changed", "true for false", "another choice"], ["reversed", "negated"]
    rng.shuffle(values)
    rng.shuffle(words)
    return values + words


def _replaced(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def _cased(word: str, like: str) -> str:
    return word.upper() if like.isupper() and len(like) > 1 else word.capitalize() if like[0].isupper() else word


def _base_form(verb: str) -> str:
    if verb.endswith("ies"):
        return verb[:-3] + "y"
    return verb[:-2] if verb == "matches" else verb[:-1]
