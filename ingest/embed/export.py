"""Export a sentence-transformers model once, so that later runs need neither it nor torch.

sentence-transformers loads the model and says how it pools and normalises; ``torch.onnx`` traces it from
the word vectors on; ONNX Runtime then embeds a few texts, and the export counts only if they come out as
they do in sentence-transformers.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ingest.embed.exported import (
    CARD,
    GRAPH,
    GRAPH_INPUTS,
    GRAPH_OUTPUT,
    TOKENIZER,
    WORDS,
    ModelCard,
    WordTable,
)
from ragpress.errors import ModelError
from ragpress.fingerprint import hexdigest

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_OPSET = 17
_LEAST_COSINE = 0.9999
_PROBES = (
    "Short.",
    "A release is an immutable manifest; publishing it moves one pointer by compare-and-swap.",
    "发布是不可变的清单；一次发布只移动一个指针。How does an incremental build answer a query?",
)


def export_model(source: Path, name: str, folder: Path) -> None:
    """Write an exported model into an empty folder.

    Args:
        source: a sentence-transformers folder.
        name: the model's name, for prefixes and messages.
        folder: empty folder to fill.

    Raises:
        ModelError: the model cannot be exported; the message says how to use it all the same.
    """
    with quiet_libraries():
        model = load_reference(source)
        _write_description(model, name, folder)
        words = model[0].auto_model.get_input_embeddings().weight.detach().numpy()
        np.save(folder / WORDS, words.astype(np.float16), allow_pickle=False)
        try:
            _trace(model, folder / GRAPH)
        except (RuntimeError, TypeError, ValueError) as error:
            raise _not_exportable(name, str(error)) from error
        _prove(model, name, folder)


def export_description(source: Path, name: str, folder: Path) -> None:
    """Write only the card and the tokenizer, for the torch runtime, which loads the model itself."""
    with quiet_libraries():
        _write_description(load_reference(source), name, folder)


def load_reference(source: Path, dtype: str = "float32") -> Any:
    """The model in sentence-transformers itself, with attention that can be traced.

    Args:
        source: a sentence-transformers folder.
        dtype: ``float32`` or ``bfloat16``.
    """
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 (seconds of imports)

    arguments = {"attn_implementation": "eager", "dtype": dtype}
    model = SentenceTransformer(str(source), device="cpu", model_kwargs=arguments, local_files_only=True)
    return model.eval()


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep the libraries' progress bars and warnings to developers off the user's terminal."""
    from transformers.utils import logging as library  # noqa: PLC0415 (slow import)

    logging: Any = library  # its functions carry no annotations
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if bars:
            logging.enable_progress_bar()


def _describe(model: Any, name: str, tokenizer: Tokenizer) -> ModelCard:
    query, passage = _prefixes(model, name)
    window = int(model.max_seq_length)
    return ModelCard(
        dimension=int(model.get_embedding_dimension()),
        window=window,
        passage_limit=window - len(tokenizer.encode(passage).ids),
        tokenizer=hexdigest("tokenizer", tokenizer.to_str()),
        pad_id=int(model.tokenizer.pad_token_id or 0),
        query_prefix=query,
        passage_prefix=passage,
    )


def _prefixes(model: Any, name: str) -> tuple[str, str]:
    prompts: dict[str, str] = model.prompts
    default = prompts.get(model.default_prompt_name or "", "")
    query = prompts.get("query") or default
    passage = prompts.get("passage") or prompts.get("document") or default
    short = name.rsplit("/", maxsplit=1)[-1].lower()
    is_e5 = "e5-" in short and "instruct" not in short
    return ("query: ", "passage: ") if is_e5 and not (query or passage) else (query, passage)


def _write_description(model: Any, name: str, folder: Path) -> None:
    tokenizer: Tokenizer = model.tokenizer.backend_tokenizer
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.save(str(folder / TOKENIZER), pretty=False)
    card = _describe(model, name, tokenizer)
    (folder / CARD).write_bytes(msgspec.json.format(msgspec.json.encode(card)))


def _trace(model: Any, path: Path) -> None:
    import torch  # noqa: PLC0415 (seconds of imports)

    class FromWordVectors(torch.nn.Module):
        """The model from the word vectors on: encoder, pooling, dense layers, normalisation."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = model[0].auto_model
            self.heads = torch.nn.ModuleList(list(model)[1:])

        def forward(self, word_vectors: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            output = self.encoder(inputs_embeds=word_vectors, attention_mask=attention_mask, return_dict=True)
            features = {"token_embeddings": output.last_hidden_state, "attention_mask": attention_mask}
            for head in self.heads:
                features = head(features)
            embedding: torch.Tensor = features[GRAPH_OUTPUT]
            return embedding

    hidden = model[0].auto_model.get_input_embeddings().weight.shape[1]
    mask = torch.ones((2, 16), dtype=torch.int64)
    mask[1, 9:] = 0  # a mask of ones alone would be optimised away while tracing
    batch, length = {0: "batch"}, {0: "batch", 1: "length"}
    torch.onnx.export(
        FromWordVectors().eval(),
        (torch.randn(2, 16, hidden), mask),
        str(path),
        input_names=list(GRAPH_INPUTS),
        output_names=[GRAPH_OUTPUT],
        dynamic_axes={GRAPH_INPUTS[0]: length, GRAPH_INPUTS[1]: length, GRAPH_OUTPUT: batch},
        dynamo=False,
        opset_version=_OPSET,
    )


def _prove(model: Any, name: str, folder: Path) -> None:
    from ingest.embed.onnx_runtime import OnnxRuntime  # noqa: PLC0415 (slow import)

    expected = model.encode(list(_PROBES), prompt="", normalize_embeddings=True, show_progress_bar=False)
    runtime = OnnxRuntime(folder / GRAPH, WordTable(folder), threads=0)
    batch = model.tokenizer(list(_PROBES), padding=True, truncation=True, return_tensors="np")
    found = runtime.infer(batch["input_ids"].astype(np.int64), batch["attention_mask"].astype(np.int64))
    found = found / np.linalg.norm(found, axis=1, keepdims=True)
    cosine = float(np.min(np.sum(found * expected, axis=1)))
    if not cosine >= _LEAST_COSINE:
        raise _not_exportable(name, f"the exported graph gives other vectors (cosine {cosine:.4f})")


def _not_exportable(name: str, why: str) -> ModelError:
    return ModelError(
        f"The model {name!r} cannot be exported to ONNX: {why}. "
        'It can still be used as it is: set runtime = "torch" in [embed].'
    )
