"""Whether the passages that a sentence cites support it: by words, numbers, names and embeddings.

A logistic model joins what is measured (its coefficients: ``calibration``). Words alone cannot judge a
sentence in one script by evidence in another; there the embedding speaks, and the numbers must still be there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from ragpress.errors import SettingsError
from ragpress.plugins import load_plugin
from ragpress.types import Embedder
from serving.evidence import calibration
from serving.evidence.calibration import Logistic
from serving.evidence.numbers import missing_numbers, numbers_claimed, numbers_held
from serving.evidence.sentences import Span, is_heading, split_sentences
from serving.evidence.terms import Terms, names, negations, script, shares_script, stems_of, terms_of
from serving.evidence.texts import EvidenceText, all_numbers, all_stems, plain, read_evidence
from serving.remembered import RememberedEmbedder
from serving.types import Checker

CHECKERS = "ragpress.checkers"
COMBINED = "combined"
LEXICAL = "lexical"
_NLI = "nli:"
# Sentences of evidence that are embedded for one sentence: those that share most words with it; across scripts, where
# words do not tell, more of them.
_EMBEDDED = 6
_EMBEDDED_ACROSS = 24
# Between these scores of the words alone a cosine is worth its time.
_DOUBT = (0.1, 0.7)
# From this coverage on two sentences speak of the same, and a negation in one of them contradicts.
_SAME_WORDS = 0.7
_NO_CLAIM = re.compile(
    r"(?:sure|certainly|of course|hello|hi|thanks|thank you|you(?:'|’)re welcome|i hope|let me know|feel free|"
    r"here (?:is|are)|based on the (?:provided )?(?:passages?|context|documents?)[,:]?\s*(?:here|the following)?$|"
    r"好的|当然|你好|您好|谢谢|希望|以下是|如下|如有)",
    re.IGNORECASE,
)


def load_checker(name: str, embedder: Embedder | None) -> Checker:
    """The checker that the settings name.

    Args:
        name: ``combined``, ``lexical``, ``nli:MODEL`` (a CrossEncoder by name or folder), or an installed plugin's
            name (entry point ``ragpress.checkers``: a function of the embedder).
        embedder: embeds sentences for ``combined``; None leaves words alone.

    Raises:
        SettingsError: there is no such checker.
        ModelError: the NLI model cannot be loaded.
    """
    if name == LEXICAL or (name == COMBINED and embedder is None):
        return SupportChecker(None)
    if name == COMBINED:
        return SupportChecker(embedder)
    if name.startswith(_NLI):
        from serving.evidence.judges import NliChecker  # noqa: PLC0415 (only where it is asked for)

        return NliChecker(name.removeprefix(_NLI))
    try:
        factory: Callable[[Embedder | None], Checker] = load_plugin(CHECKERS, name).target
    except SettingsError as error:
        raise SettingsError(
            f"[answer] checker {name!r} is none of the built-in ones ({COMBINED}, {LEXICAL}, {_NLI}MODEL). {error}"
        ) from error
    return factory(embedder)


class SupportChecker:
    """Scores support by words, and by embeddings where there is an embedder. Safe to use from several threads.

    Args:
        embedder: embeds sentences as passages; None leaves words alone.
    """

    def __init__(self, embedder: Embedder | None) -> None:
        self.name = COMBINED if embedder else LEXICAL
        self._embedder = RememberedEmbedder(embedder) if embedder else None

    def support(self, sentences: Sequence[str], evidence: Sequence[Sequence[str]]) -> list[float]:
        """See :class:`serving.types.Checker`. Embeds only where words leave a doubt, or cannot judge."""
        bodies, texts = _read(sentences, evidence)
        found = [word_features(body, read) for body, read in zip(bodies, texts, strict=True)]
        if self._embedder is not None:
            doubtful = [at for at, features in enumerate(found) if _leaves_doubt(features)]
            rows = ([bodies[at] for at in doubtful], [texts[at] for at in doubtful], [found[at] for at in doubtful])
            _add_cosines(self._embedder, *rows)
        return [_model(features).probability(features) * _cap(features) for features in found]

    def features(self, sentences: Sequence[str], evidence: Sequence[Sequence[str]]) -> list[dict[str, float]]:
        """What the models see of each sentence, cosines included; one without evidence has ``none`` = 1."""
        bodies, texts = _read(sentences, evidence)
        found = [word_features(body, read) for body, read in zip(bodies, texts, strict=True)]
        if self._embedder is not None:
            _add_cosines(self._embedder, bodies, texts, found)
        return found


def _read(sentences: Sequence[str], evidence: Sequence[Sequence[str]]) -> tuple[list[str], list[list[EvidenceText]]]:
    bodies = [plain(sentence) for sentence in sentences]
    return bodies, [[read_evidence(text) for text in cited if text.strip()] for cited in evidence]


def _leaves_doubt(features: Mapping[str, float]) -> bool:
    """Whether an embedding could change what words say of a sentence."""
    if features.get("none") or features.get("across"):
        return not features.get("none")
    low, high = _DOUBT
    return low < calibration.SUPPORT_WORDS.probability(features) < high


def _model(features: Mapping[str, float]) -> Logistic:
    if features.get("across"):
        return calibration.SUPPORT_ACROSS if "cosine" in features else calibration.SUPPORT_ACROSS_WORDS
    return calibration.SUPPORT if "cosine" in features else calibration.SUPPORT_WORDS


def _cap(features: Mapping[str, float]) -> float:
    if features.get("none"):
        return 0.0
    return calibration.WRONG_NUMBER if features.get("numbers_missing") else 1.0


def word_features(sentence: str, texts: Sequence[EvidenceText]) -> dict[str, float]:
    """What words, numbers and names say about a sentence and its evidence.

    Returns:
        Shares from 0 to 1: ``coverage`` of the sentence's words by all evidence, ``coverage_best`` by the best two
        neighbouring sentences, ``pairs`` of neighbouring words that stand together somewhere, ``numbers_missing`` and
        ``names_missing`` from all evidence, ``numbers_apart`` and ``names_apart`` from the best two sentences,
        ``negation`` where one side negates; ``across`` scripts.
    """
    if not texts:
        return {"none": 1.0}
    terms = terms_of(sentence)
    claimed, named = numbers_claimed(sentence), names(sentence)
    best, covered = _best_window(terms, texts)
    values = all_numbers(texts) if claimed else frozenset[float]()
    return {
        "coverage": terms.coverage(all_stems(texts)),
        "coverage_best": covered,
        "pairs": _pairs(terms, texts),
        "numbers_missing": missing_numbers(claimed, values) / max(1, len(claimed)),
        "numbers_apart": missing_numbers(claimed, numbers_held(best)) / len(claimed) if claimed else 0.0,
        "names_missing": _names_missing(named, " ".join(text.lowered for text in texts)),
        "names_apart": _names_missing(named, best.lower()),
        "negation": _negation_differs(sentence, terms, texts),
        "across": float(all(script(sentence) != script(text.text) for text in texts)),
    }


def _names_missing(named: Sequence[str], lowered: str) -> float:
    return sum(name not in lowered for name in named) / max(1, len(named))


def _best_window(terms: Terms, texts: Sequence[EvidenceText]) -> tuple[str, float]:
    """The two neighbouring sentences that cover most of a sentence, and how much they cover."""
    best, covered = "", -1.0
    for text in texts:
        for at, window in enumerate(text.windows()):
            share = terms.coverage(window)
            if share > covered:
                best, covered = " ".join(text.sentences[at : at + 2]), share
    return best, max(0.0, covered)


def _pairs(terms: Terms, texts: Sequence[EvidenceText]) -> float:
    """Share of the sentence's pairs of neighbouring content words that stand side by side in the evidence."""
    pairs = set(pairwise(terms.stems))
    if not pairs:
        return 0.0
    held = set[tuple[str, str]]()
    for text in texts:
        held |= _neighbours(text.text)
    return len(pairs & held) / len(pairs)


@lru_cache(maxsize=512)
def _neighbours(text: str) -> frozenset[tuple[str, str]]:
    """Content words that stand side by side in a sentence of a passage; the last ones stay in memory."""
    return frozenset(pair for sentence in read_evidence(text).sentences for pair in pairwise(stems_of(sentence)))


def _negation_differs(sentence: str, terms: Terms, texts: Sequence[EvidenceText]) -> float:
    """Whether a sentence and the one that says nearly the same words differ in whether they negate."""
    every = [
        (terms.coverage(stems), body) for text in texts for body, stems in zip(text.sentences, text.stems, strict=True)
    ]
    best = max(every, default=(0.0, ""), key=lambda item: item[0])
    return float(best[0] >= _SAME_WORDS and (negations(sentence) > 0) != (negations(best[1]) > 0))


def _add_cosines(
    embedder: Embedder,
    bodies: Sequence[str],
    texts: Sequence[Sequence[EvidenceText]],
    found: Sequence[dict[str, float]],
) -> None:
    """Put the cosine of each sentence with its nearest sentence of evidence among its features."""
    chosen = [_candidates(body, read) for body, read in zip(bodies, texts, strict=True)]
    wanted = list(
        dict.fromkeys(text for body, near in zip(bodies, chosen, strict=True) if near for text in (body, *near))
    )
    if not wanted:
        return
    rows = {text: row for row, text in enumerate(wanted)}
    vectors = embedder.embed_passages([clip(embedder, text) for text in wanted])
    scale = calibration.cosine_scale(calibration.SENTENCE_COSINES, embedder.name) or calibration.UNKNOWN_COSINES
    for body, near, features in zip(bodies, chosen, found, strict=True):
        if near:
            cosines = vectors[[rows[text] for text in near]] @ vectors[rows[body]]
            features["cosine"] = scale.of(float(np.max(cosines)))


def _candidates(body: str, texts: Sequence[EvidenceText]) -> list[str]:
    """The sentences of evidence worth embedding."""
    if not body:
        return []
    terms = terms_of(body)
    every = [(sentence, stems) for text in texts for sentence, stems in zip(text.sentences, text.stems, strict=True)]
    ranked = sorted(every, key=lambda item: -terms.coverage(item[1]))
    limit = _EMBEDDED if any(shares_script(body, text.text) for text in texts) else _EMBEDDED_ACROSS
    return list(dict.fromkeys(sentence for sentence, _ in ranked if sentence))[:limit]


def clip(embedder: Embedder, text: str) -> str:
    """A text cut to what the embedder reads at once."""
    if len(text) < embedder.passage_limit // 2:
        return text
    starts = embedder.tokens.token_starts(text)
    return text if len(starts) <= embedder.passage_limit - 2 else text[: int(starts[embedder.passage_limit - 2])]


def is_claim(sentence: str) -> bool:
    """Whether a sentence of an answer states something that evidence could support.

    A heading, a question, a greeting, a lead-in that ends in a colon, and text without a content word state nothing.
    """
    body = plain(sentence)
    if is_heading(sentence) or body.endswith((":", "：", "?", "？")) or _NO_CLAIM.match(body):
        return False
    return bool(terms_of(body).stems) or bool(numbers_claimed(body))


def best_quote(sentence: str, chunk: str) -> tuple[int, int]:
    """The part of a chunk that supports a sentence best: one sentence, or two neighbours where both are needed.

    Args:
        sentence: of an answer.
        chunk: a chunk's text.

    Returns:
        Start and end in the chunk's text; the whole chunk where no word tells one part from another, as across
        languages.
    """
    spans = split_sentences(chunk)
    terms = terms_of(plain(sentence))
    values = {number.value for number in numbers_claimed(sentence)}
    scored = [
        (_quote_score(terms, values, chunk[start:end]), -start, Span(start, end)) for start, end in _quotes(spans)
    ]
    if not scored or max(scored)[0] <= 0:
        return 0, len(chunk)
    _, _, best = max(scored)
    return best.start, best.end


def _quotes(spans: Sequence[Span]) -> list[Span]:
    pairs = [Span(one.start, other.end) for one, other in pairwise(spans)]
    return [*spans, *pairs]


def _quote_score(terms: Terms, values: set[float], quote: str) -> float:
    """Coverage of the sentence, with its numbers counting again, less a little for length: a longer quote must pay."""
    read = read_evidence(quote)
    numbers = len(values & read.numbers) / len(values) if values else 0.0
    gained = terms.coverage(all_stems([read])) + 0.5 * numbers
    return gained - 0.08 * len(read.sentences) if gained else 0.0
