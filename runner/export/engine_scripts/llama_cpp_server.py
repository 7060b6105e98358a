"""Serve a GGUF file by llama.cpp's own server until stdin ends.

`python llama_cpp_server.py FILE HOST PORT NAME PARALLEL`. The key is read from the first line of stdin; empty asks for
none. The address is printed once it answers. Runs in an environment that has xllamacpp, and imports nothing of this
project.
"""

from __future__ import annotations

import json
import os
import sys

CONTEXT = 2048
"""Tokens of each request, where several are answered at once."""
WHOLE_TEXT = 1 << 17
"""Tokens over which repetition is penalized: all of them, as transformers does. -1 would switch the penalty off."""


def main() -> None:
    """Serve, with the sampling that the file states where a request states none."""
    import xllamacpp

    file, host, port, name, parallel = sys.argv[1:]
    key = sys.stdin.readline().strip()
    parameters = xllamacpp.CommonParams()
    parameters.model.path, parameters.hostnames, parameters.port = file, [host], int(port)
    parameters.model_alias, parameters.use_jinja, parameters.n_parallel = {name}, True, int(parallel)
    if parameters.n_parallel > 1:
        parameters.n_ctx = CONTEXT * parameters.n_parallel  # the context is shared among the requests
    parameters.api_keys = [key] if key else []
    parameters.ui = False
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads  # not all of the machine's cores
    parameters.sampling.penalty_last_n = WHOLE_TEXT
    server = xllamacpp.Server(parameters)
    print(json.dumps({"address": server.listening_address, "engine": f"llama.cpp, by xllamacpp "
                                                                      f"{xllamacpp.__version__}"}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
