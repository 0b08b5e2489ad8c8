"""Evidence as the scorers see it: the sentences of passages with their words, numbers and names."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from serving.evidence.numbers import numbers_held
from serving.evidence.sentences import readable, split_sentences, without_citations
from serving.evidence.terms import stems_of

# A fact often spans a sentence and the one before it, which names whom it is about.
_WINDOW = 2


class EvidenceText(NamedTuple):
    """One passage, read once.

    Attributes:
        text: the passage.
        sentences: its sentences, readable.
        stems: the distinct content words of each sentence.
        lowered: in lower case, for looking up names.
    """

    text: str
    sentences: tuple[str, ...]
    stems: tuple[frozenset[str], ...]
    lowered: str

    @property
    def numbers(self) -> frozenset[float]:
        """Every value it states."""
        return _numbers(self.text)

    def windows(self) -> list[frozenset[str]]:
        """Words of every run of two neighbouring sentences (of the one there is)."""
        if len(self.stems) < _WINDOW:
            return list(self.stems)
        return [self.stems[at] | self.stems[at + 1] for at in range(len(self.stems) - 1)]


@lru_cache(maxsize=512)
def read_evidence(text: str) -> EvidenceText:
    """Read a passage; the last ones stay in memory, as several sentences cite the same."""
    sentences = tuple(readable(text[start:end]) for start, end in split_sentences(text))
    stems = tuple(frozenset(stems_of(sentence)) for sentence in sentences)
    return EvidenceText(text, sentences, stems, text.lower())


@lru_cache(maxsize=512)
def _numbers(text: str) -> frozenset[float]:
    return numbers_held(text)


def plain(sentence: str) -> str:
    """A sentence of an answer without citation marks and markup."""
    return readable(without_citations(sentence))


def all_stems(texts: Sequence[EvidenceText]) -> frozenset[str]:
    """Content words of several passages."""
    return frozenset().union(*(stems for text in texts for stems in text.stems))


def all_numbers(texts: Sequence[EvidenceText]) -> frozenset[float]:
    """Values that several passages state."""
    return frozenset[float]().union(*(text.numbers for text in texts))
