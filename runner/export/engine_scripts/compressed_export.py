"""Quantize a model folder for vLLM on a GPU: `python compressed_export.py FROM TO int8|int4`.

Weights are rounded by GPTQ (Frantar et al. 2022), calibrated on the texts of a JSON list on stdin: int8 with
activations of 8 bits too (W8A8), int4 with activations of 16 bits (W4A16, in groups of 128, or of 64 where a layer
cannot be divided by 128). Runs in an environment that has llm-compressor, and imports nothing of this project.
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Calibrate, round and write the folder."""
    from compressed_tensors.quantization import QuantizationScheme, preset_name_to_scheme
    from datasets import Dataset
    from llmcompressor import oneshot
    from llmcompressor.modifiers.quantization import GPTQModifier
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source, to, quantization = sys.argv[1:]
    texts = json.load(sys.stdin)
    model = AutoModelForCausalLM.from_pretrained(source, dtype="auto")
    scheme: QuantizationScheme = preset_name_to_scheme({"int8": "W8A8", "int4": "W4A16"}[quantization], ["Linear"])
    if quantization == "int4":
        widths = {layer.in_features for name, layer in model.named_modules() if hasattr(layer, "in_features")}
        scheme.weights.group_size = 128 if all(width % 128 == 0 for width in widths) else 64
    tokenizer = AutoTokenizer.from_pretrained(source)
    data = Dataset.from_list([dict(tokenizer(text, truncation=True, max_length=512)) for text in texts])
    oneshot(model=model, processor=tokenizer, dataset=data, num_calibration_samples=len(texts), max_seq_length=512,
            recipe=GPTQModifier(config_groups={"weights": scheme}, ignore=["lm_head"]))
    model.save_pretrained(to, save_compressed=True)


if __name__ == "__main__":
    main()
