"""Answer prompts by OpenVINO GenAI with continuous batching.

Called as `python openvino_genai_answers.py FOLDER SEQUENCES PRECISION`. With the precision bf16 keys and values are
kept and products are made in it too; else they are as OpenVINO chooses.

A JSON object a line, in and out: `{"prompts": [ids], "max_new_tokens": n, "repetition_penalty": p, "stop_ids": ids}` ->
`{"answers": [ids], "seconds": s}`. Runs in an environment that has openvino-genai, and imports nothing of this project.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def main() -> None:
    """Say what answers, then answer each line until there are no more."""
    import numpy
    import openvino
    import openvino_genai

    folder, sequences, precision = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    write_tokenizer(folder)
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.cache_size, scheduler.max_num_seqs = 2, sequences  # GB, and how many prompts at once
    how_it_runs = {"INFERENCE_NUM_THREADS": len(os.sched_getaffinity(0))}
    if precision == "bf16":
        how_it_runs |= {"INFERENCE_PRECISION_HINT": "bf16", "KV_CACHE_PRECISION": "bf16"}
    pipeline = openvino_genai.ContinuousBatchingPipeline(str(folder), scheduler, "CPU", how_it_runs)
    print(json.dumps({"engine": f"OpenVINO GenAI {openvino_genai.__version__.split('-')[0]}"}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        how = openvino_genai.GenerationConfig()
        how.max_new_tokens, how.do_sample = asked["max_new_tokens"], False
        how.repetition_penalty, how.stop_token_ids = asked["repetition_penalty"], set(asked["stop_ids"])
        prompts = [openvino.Tensor(numpy.array([ids], dtype=numpy.int64)) for ids in asked["prompts"]]
        began = time.perf_counter()
        made = pipeline.generate(prompts, [how] * len(prompts))
        seconds = time.perf_counter() - began
        answers = [list(map(int, one.m_generation_ids[0])) for one in made]
        print(json.dumps({"answers": answers, "seconds": seconds}), flush=True)


def write_tokenizer(folder: Path) -> None:
    """Write the tokenizer in OpenVINO's form, which the pipeline reads although it is given tokens."""
    if (folder / "openvino_tokenizer.xml").is_file():
        return
    import openvino
    from openvino_tokenizers import convert_tokenizer
    from transformers import AutoTokenizer

    tokenizer, detokenizer = convert_tokenizer(AutoTokenizer.from_pretrained(folder), with_detokenizer=True)
    openvino.save_model(tokenizer, folder / "openvino_tokenizer.xml")
    openvino.save_model(detokenizer, folder / "openvino_detokenizer.xml")


if __name__ == "__main__":
    main()
