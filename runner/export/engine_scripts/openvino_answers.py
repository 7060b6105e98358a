"""Answer by an OpenVINO model: `python openvino_answers.py FOLDER`, a JSON object a line, in and out.

`{"prompt": ids, "max_new_tokens": n, "pad": id}` -> `{"ids": new tokens}`, by the folder's generation configuration.
`{"prompt": ids, "answer": ids}` -> `{"nll": mean negative log-likelihood of the answer, in nats per token}`.
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
        prompt, answer = asked["prompt"], asked.get("answer") or []
        ids = torch.tensor([prompt + answer])
        if not answer:
            made = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=asked["max_new_tokens"],
                                  pad_token_id=asked["pad"])
            return {"ids": made[0, len(prompt):].tolist()}
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, len(prompt) - 1:-1].float()
        return {"nll": float(torch.nn.functional.cross_entropy(logits, torch.tensor(answer)))}

    for line in sys.stdin:
        print(json.dumps(reply(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
