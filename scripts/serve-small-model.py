#!/usr/bin/env python3
"""Serves a GGUF model on 127.0.0.1 the way OpenAI's API does it, with llama.cpp inside (PyPI `xllamacpp`).

usage: serve-small-model.py MODEL.gguf PORT [CONTEXT_TOKENS]

`GET /health` answers 200 as soon as the model is loaded. Ends with its parent's signal.
"""

import signal
import sys

import xllamacpp


def main(model: str, port: str, context_tokens: str = "16384") -> None:
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.port = int(port)
    params.n_ctx = int(context_tokens)
    params.n_parallel = 1  # all of the context for one request at a time
    params.use_jinja = True  # the model's own chat template
    params.offline = True
    server = xllamacpp.Server(params)
    print("listening on", server.listening_address, flush=True)
    signal.pause()


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
