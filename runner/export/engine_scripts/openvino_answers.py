"""Answer by an OpenVINO model: `python openvino_answers.py FOLDER`, a JSON object a line, in and out.

`{"prompt": ids, "max_new_tokens": n, "pad": id}` -> `{"ids": new tokens}`, by the folder's generation configuration.
`{"text": ids}` -> `{"logprobs": the natural log-probability of each token but the first}`.
Runs in an environment that has optimum-intel, and imports nothing of this project.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def main() -> None:
    """Say what answers, then answer each line until there are no more."""
    import openvino
    import torch
    from optimum.intel import OVModelForCausalLM

    model = OVModelForCausalLM.from_pretrained(sys.argv[1])
    print(json.dumps({"engine": f"OpenVINO {openvino.__version__.split('-')[0]}"}), flush=True)

    def reply(asked: dict[str, Any]) -> dict[str, Any]:
        ids = torch.tensor([asked.get("prompt") or asked["text"]])
        mask = torch.ones_like(ids)
        if "prompt" in asked:
            made = model.generate(ids, attention_mask=mask, max_new_tokens=asked["max_new_tokens"],
                                  pad_token_id=asked["pad"])
            return {"ids": made[0, ids.shape[1]:].tolist()}
        logits = model(input_ids=ids, attention_mask=mask).logits[0, :-1].float()
        return {"logprobs": (-torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none")).tolist()}

    for line in sys.stdin:
        print(json.dumps(reply(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
