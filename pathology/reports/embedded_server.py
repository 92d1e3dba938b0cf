"""``python -m pathology.reports.embedded_server MODEL.gguf ...``: llama.cpp on loopback.

Started by ``embedded_model`` and by nobody else. It lives as long as its standard input: when the
program that started it ends, however it ends, the pipe closes and the server goes with it. The key
comes through that pipe too, since arguments and environments can be read by others.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import xllamacpp


def parameters(model: Path, key: str, *, threads: int, context_tokens: int) -> Any:
    """What the server is started with: loopback, any free port, a key, no page, no tools."""
    wanted = xllamacpp.CommonParams()
    wanted.model.path = str(model)
    wanted.n_ctx = context_tokens
    wanted.n_parallel = 1
    wanted.cpuparams.n_threads = threads
    wanted.hostnames = ["127.0.0.1"]
    wanted.port = 0
    wanted.api_keys = [key]
    wanted.cors_origins = "null"  # llama.cpp's own default lets every page ask
    wanted.ui = False
    wanted.endpoint_slots = False
    wanted.offline = True
    wanted.verbosity = -1
    return wanted


def main(words: list[str]) -> int:
    """Serve until standard input ends; print the address once it answers."""
    model, threads, context_tokens, name = Path(words[0]), int(words[1]), int(words[2]), words[3]
    key = sys.stdin.readline().strip()
    told = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # llama.cpp talks on both outputs
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    wanted = parameters(model, key, threads=threads, context_tokens=context_tokens)
    wanted.model_alias = {name}  # else answers name the path of the file
    server = xllamacpp.Server(wanted)
    told.write(f"{server.listening_address}\n")
    told.flush()
    sys.stdin.read()
    os._exit(0)  # its threads do not end by themselves


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
