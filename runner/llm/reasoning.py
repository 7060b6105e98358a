"""Remove a model's reasoning from its reply, whichever marks it uses and even if one of a pair is missing. Pure."""

from __future__ import annotations

import json
import re

_NAMES = (r"(?:\w{1,12}:|longcat_|ant|inner_|internal_|hidden_|self_)?(?:think|thinking|thoughts?|reasoning|reason|"
          r"reflection|analysis|rationale|scratchpad|monologue|chain_of_thought|cot|cot_budget_reflect|deliberation|"
          r"思考|思考过程|推理|推理过程)(?:_(?:process|content|mode|engine|trace|steps?))?")
_IN_BRACKETS = r"(?:think|thinking|thoughts?|reasoning|思考|思考过程|推理)"
_OPENING = re.compile(
    rf"<\|?\s*{_NAMES}(?:\s[^<>]*)?\|?>|[\[【{{]\s*{_IN_BRACKETS}\s*[\]】}}]|◁{_NAMES}▷|\[unused16\]|"
    rf"<\|(?:begin_of|start_of|start|begin)_{_NAMES}\|>|<\|{_NAMES}_(?:start|begin)\|>|<\|channel>\s*thought|<unused94>|"
    r"<\|im_start\|>\s*think(?:ing)?\b", re.I)
_CLOSING = re.compile(
    rf"<\|?\s*/\s*{_NAMES}\s*\|?>|[\[【{{]\s*/\s*{_IN_BRACKETS}\s*[\]】}}]|◁/{_NAMES}▷|\[unused17\]|"
    rf"<\|end_(?:of_)?{_NAMES}\|>|<\|{_NAMES}_end\|>|<channel\|>|<unused95>|<\|im_start\|>\s*answer\b|"
    r"\[BEGIN FINAL RESPONSE\]|^\.\.\.done thinking\.$", re.I | re.M)
# Channels of the harmony format; servers that drop its special tokens leave "analysis...assistantfinal...".
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>", re.I)
_BARE_CHANNELS = re.compile(r"\A(?:assistant\s*)?analysis(?=[A-Z\s]|\w+ ).*assistant\s*final", re.S)
_BARE_REASONING = re.compile(r"\A(?:assistant\s*)?analysis(?=[A-Z])")
# A reply that ends within a mark: nothing but the beginning of one, or a channel without a message.
_HALF_MARK = re.compile(r"\A(?:<\|?\s*/?\s*\w{0,20}|(?:<\|start\|>\s*assistant)?<\|channel\|?>?\s*\w*)\Z")
# A turn that is marked as the assistant's, after one that thinks.
_THINKING_TURN = re.compile(r"\A<\|im_start\|>\s*think(?:ing)?\b.*?<\|im_start\|>\s*assistant\b", re.S | re.I)
_CHANNEL_END = re.compile(r"<\|(?:end|return|start|call)\|>")
_FULL_WIDTH = {ord("｜"): "|", ord("▁"): "_"}
_UNUSUAL = re.compile(r"&lt;[^<>&\n]{1,40}&gt;|<[|｜][^<>\n]{1,40}>|\\?<\\?/?[\w ]{1,40}\\?>")
_EMPTY = re.compile(rf"<{_NAMES}\s*/>", re.I)
# Other blocks that chat frontends and models put thoughts into: at the beginning only, where they are no content.
_BLOCK = re.compile(r"\A```(?:think|thinking|thoughts?|reasoning)\n.*?```|"
                    r"\A<details\b[^>]*(?:type=.?reasoning[^>]*>|>\s*<summary>\s*(?:thought|thinking|reasoning))"
                    r".*?</details>",
                    re.S | re.I)
_HEADED = re.compile(r"\A[#*_\s]*(?:(?:thinking|thought|reasoning) process|thinking|thoughts?|reasoning|analysis|"
                     r"思考过程?|推理过程?|gedankengang|raisonnement|razonamiento|рассуждение)(?![\w])[*_]*\s*(?:[:：][*_]*|\n).*"
                     r"\n[#*_\s]*(?:final )?(?:answer|response|output|result|最终答案|答案|回答|antwort|"
                     r"réponse|respuesta|ответ)(?![\w])[*_]*\s*(?:[:：][*_]*|\n)", re.S | re.I)
# At the beginning, blocks with names that are content elsewhere.
_LEADING_BLOCK = re.compile(r"\A<((?:internal|planning|plan|brainstorm\w*|step_by_step|draft|notes)(?:_\w+)?)>.*?"
                            r"</\1>\s*(?=\S)", re.S | re.I)
_WORDED = re.compile(r"\Ahere(?: is|'s) my thought process:?.*here(?: is|'s) my response:?", re.S | re.I)
_TRAILING_TOKENS = re.compile(r"(?:\s*(?:<\|(?:im_end|eot_id|end|return|endoftext|end_of_text|eot|eom_id|"
                              r"end_of_turn_token|user)\|>|<｜end▁of▁sentence｜>|</?s>|<eos>|<end_of_turn>|<turn\|>|\[/INST\]|"
                              r"\[END FINAL RESPONSE\]))+\s*\Z", re.I)
_LEADING_TOKENS = re.compile(r"\A(?:<\|assistant\|>|<s>|<｜Assistant｜>|<\|content\|>|<\|im_start\|>\s*assistant\b|"
                             r"<\|start_header_id\|>\s*assistant\s*<\|end_header_id\|>|<start_of_turn>\s*model\b|"
                             r"(?-i:assistant|model)\s*\n)\s*", re.I)
_NEXT_TURN = re.compile(r"(?:<\|(?:im_end|eot_id|endoftext|end_of_text|eot|eom_id)\|>|<end_of_turn>|</s>)\s*"
                        r"<(?:\|im_start\|>|\|start_header_id\|>|start_of_turn>|s>|\|user\|>).*\Z", re.S)
"""Where a model runs on, and writes the next turn of the conversation itself."""
_WRAPPER = re.compile(r"\A<(\|?)(?:answer|response|output|final|final_answer|start_response|begin_of_solution|"
                      r"begin_of_box)\|?>(.*?)"
                      r"(?:<\|?/?(?:answer|response|output|final|final_answer|end_response|end_of_solution|"
                      r"end_of_box)\|?>\s*)?\Z",
                      re.S | re.I)


def strip_reasoning(text: str) -> str:
    """The reply without its reasoning; empty where it holds nothing else.

    What follows the last closing mark is the reply, also where the opening mark is missing (chat templates write it
    into the prompt). An opening mark at the start of a line that is never closed removes everything after it.
    JSON as a whole is returned as it is: marks inside its strings are content.
    """
    reply = _LEADING_TOKENS.sub("", _THINKING_TURN.sub("", _TRAILING_TOKENS.sub("", text).strip()).strip())
    if _is_json(reply):
        return reply
    reply = _BLOCK.sub("", _EMPTY.sub("", _with_plain_marks(_final_channel(reply)))).strip()
    reply = _LEADING_BLOCK.sub("", reply)
    if (worded := _WORDED.match(reply) or _HEADED.match(reply)) is not None:
        reply = reply[worded.end():]
    closings = list(_CLOSING.finditer(reply))
    if closings:
        after = reply[closings[-1].end():]
        reply = after if after.strip() else _without_blocks(reply)
    reply = _HALF_MARK.sub("", _NEXT_TURN.sub("", _without_open_block(reply)).strip())
    wrapped = _WRAPPER.match(reply)
    return wrapped[2].strip() if wrapped else reply


def _with_plain_marks(text: str) -> str:
    """A reply whose marks are escaped (`&lt;think&gt;`) or in full width, with plain ones; other text stays."""
    return _UNUSUAL.sub(_plain, text)


def _plain(found: re.Match[str]) -> str:
    mark = found[0].replace("&lt;", "<").replace("&gt;", ">").replace("\\", "").translate(_FULL_WIDTH)
    return mark if _OPENING.fullmatch(mark) or _CLOSING.fullmatch(mark) else found[0]


def _is_json(text: str) -> bool:
    if text[:1] not in ("{", "["):
        return False
    try:
        json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return False
    return True


def _final_channel(text: str) -> str:
    """The final channel of a reply in the harmony format; empty where it has only other channels."""
    channels = list(_CHANNEL.finditer(text))
    final = [channel for channel in channels if channel[1].lower() == "final"]
    if final:
        return _CHANNEL_END.split(text[final[-1].end():], maxsplit=1)[0]
    if channels or (_BARE_REASONING.match(text) and not _BARE_CHANNELS.match(text)):
        return ""
    bare = _BARE_CHANNELS.match(text)
    return text[bare.end():] if bare else text


def _without_blocks(text: str) -> str:
    """A reply whose reasoning comes last: what stands outside of closed blocks."""
    outside, depth, position = "", 0, 0
    marks = [*((found, 1) for found in _OPENING.finditer(text)), *((found, -1) for found in _CLOSING.finditer(text))]
    marks.sort(key=lambda mark: mark[0].start())
    for found, step in marks:
        if depth == 0 and step > 0:
            outside += text[position:found.start()]
        elif depth == 0:
            outside = ""  # a closing mark without an opening one: all before it is reasoning
        depth = max(0, depth + step)
        position = found.end()
    return outside if depth else outside + text[position:]


def _without_open_block(text: str) -> str:
    for opening in _OPENING.finditer(text):
        if not text[:opening.start()].rpartition("\n")[2].strip(" \t`#*>"):
            return text[:opening.start()]
    return text
