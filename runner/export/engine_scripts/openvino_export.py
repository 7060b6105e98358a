"""Export a model folder to OpenVINO: `python openvino_export.py FROM TO f16|int8|int4`.

The texts on which int4 is calibrated are a JSON list on stdin. Runs in an environment that has optimum-intel and NNCF,
and imports nothing of this project.
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Quantize the weights while they are exported."""
    from optimum.intel import OVModelForCausalLM, OVWeightQuantizationConfig

    source, to, quantization = sys.argv[1:]
    texts = json.load(sys.stdin)
    if quantization == "f16":
        how = {"load_in_8bit": False}
    elif quantization == "int8":
        how = {"quantization_config": OVWeightQuantizationConfig(bits=8, sym=False)}
    else:
        how = {"quantization_config": OVWeightQuantizationConfig(
            bits=4, sym=False, group_size=64, ratio=1.0, dataset=texts, num_samples=len(texts), tokenizer=source,
            scale_estimation=True)}
    model = OVModelForCausalLM.from_pretrained(source, export=True, **how)
    if quantization == "f16":
        model.half()
    model.save_pretrained(to)


if __name__ == "__main__":
    main()
