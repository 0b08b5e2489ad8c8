import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ragpress.errors import GeneratorUnavailableError, ModelError
from serving.evidence.judges import LlmChecker, NliChecker
from serving.evidence.support import load_checker
from serving.types import GenerationRequest, GeneratorName, Usage


class Scripted:
    """A generator that says what it is told to, piece by piece."""

    name = GeneratorName("scripted", "none")

    def __init__(self, says: list[str]) -> None:
        self.says = says
        self.asked: list[GenerationRequest] = []
        self.closed = 0

    async def stream(self, request: GenerationRequest) -> AsyncIterator[str | Usage]:
        self.asked.append(request)
        said = self.says[len(self.asked) - 1]
        if said == "down":
            raise GeneratorUnavailableError("It is down.")
        for letter in said:
            yield letter
        yield Usage(prompt_tokens=1)

    async def aclose(self) -> None:
        self.closed += 1


def test_a_language_model_is_asked_once_for_each_sentence_that_cites_something() -> None:
    generator = Scripted(["10", "Score: 3/10.", "cannot say"])
    scores = LlmChecker(lambda: generator).support(["a", "b", "c", "d"], [["x"], ["y", "z"], ["x"], []])
    assert scores == [1.0, 0.3, 0.0, 0.0]
    assert len(generator.asked) == 3
    assert generator.closed == 1
    body = generator.asked[1].messages[-1].content
    assert "y" in body
    assert "z" in body


def test_each_request_has_its_own_mark_around_the_data() -> None:
    generator = Scripted(["1", "1"])
    LlmChecker(lambda: generator).support(["a", "a"], [["x"], ["x"]])
    first, second = (request.messages[-1].content for request in generator.asked)
    assert first != second


def test_a_language_model_that_fails_is_an_error_and_is_closed() -> None:
    generator = Scripted(["down"])
    with pytest.raises(GeneratorUnavailableError):
        LlmChecker(lambda: generator).support(["a"], [["x"]])
    assert generator.closed == 1


@pytest.mark.model
def test_a_missing_cross_encoder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nli:MODEL"):
        load_checker(f"nli:{tmp_path}", None)


def save_tiny_model(folder: Path, labels: list[str]) -> None:
    """A BERT classifier of two layers with random weights and a vocabulary of letters."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    torch.manual_seed(1)
    letters = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz"]
    letters += [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(letters), encoding="utf-8")
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(letters), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=64, id2label=dict(enumerate(labels)),
        label2id={name: number for number, name in enumerate(labels)},
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)


@pytest.mark.model
def test_a_cross_encoder_scores_by_its_entailment_label(tmp_path: Path) -> None:
    save_tiny_model(tmp_path / "nli", ["contradiction", "entailment", "neutral"])
    checker = load_checker(f"nli:{tmp_path / 'nli'}", None)
    one, both, none = checker.support(["fox", "fox", "fox"], [["a dog"], ["a dog", "zebra"], []])
    assert 0 < one < 1
    assert both >= one
    assert none == 0.0
    assert checker.support([], []) == []


@pytest.mark.model
def test_a_cross_encoder_without_an_entailment_label_is_refused(tmp_path: Path) -> None:
    save_tiny_model(tmp_path / "topics", ["sports", "politics", "weather"])
    with pytest.raises(ModelError, match="sports, politics, weather"):
        NliChecker(str(tmp_path / "topics"))
    assert json.loads((tmp_path / "topics" / "config.json").read_text(encoding="utf-8"))["id2label"]
