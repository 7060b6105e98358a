"""Answer by a quantized model folder: `python folder_answers.py openvino|llm-compressor FOLDER`, JSON lines in and out.

`{"prompt": ids, "max_new_tokens": n, "pad": id}` -> `{"ids": new tokens}`, by the folder's generation configuration.
`{"text": ids}` -> `{"logprobs": the natural log-probability of each token but the first}`.
Runs in the engine's environment, and imports nothing of this project.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from typing import Any


def main() -> None:
    """Say what answers, then answer each line until there are no more."""
    import torch

    model = _opened(*sys.argv[1:])

    def reply(asked: dict[str, Any]) -> dict[str, Any]:
        ids = torch.tensor([asked.get("prompt") or asked["text"]])
        mask = torch.ones_like(ids)
        with torch.no_grad():
            if "prompt" in asked:
                made = model.generate(ids, attention_mask=mask, max_new_tokens=asked["max_new_tokens"],
                                      pad_token_id=asked["pad"])
                return {"ids": made[0, ids.shape[1]:].tolist()}
            logits = model(input_ids=ids, attention_mask=mask).logits[0, :-1].float()
            return {"logprobs": (-torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none")).tolist()}

    for line in sys.stdin:
        print(json.dumps(reply(json.loads(line))), flush=True)


def _opened(engine: str, folder: str) -> Any:
    """Load the model, and print what answers."""
    if engine == "openvino":
        from optimum.intel import OVModelForCausalLM

        model, name, package = OVModelForCausalLM.from_pretrained(folder), "OpenVINO", "openvino"
    else:
        from transformers import AutoModelForCausalLM

        model, name, package = AutoModelForCausalLM.from_pretrained(folder), "compressed-tensors", "compressed-tensors"
    print(json.dumps({"engine": f"{name} {version(package).split('-')[0]}"}), flush=True)
    return model


if __name__ == "__main__":
    main()
