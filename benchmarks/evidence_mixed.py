"""XQuAD questions over corpora in two languages, where the answer may stand in the other one: to fit and to measure.

Every other article is in Chinese, the rest in English, and the other way round; beside these, small corpora of six
articles. Passages are found as ragpress finds them there: cosines without what a script has in common, joined with
BM25 (``retrieval.scripts``, ``retrieval.fuse``). What counts as answerable is that the paragraph with the answer is
among the passages: whether it was found at all is retrieval's figure.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.evidence_sets import PASSAGES, Asked, Pool, half_of, numbered, paragraphs
from benchmarks.quality_sets import DATA, records
from ragpress.settings import RetrievalSettings
from ragpress.types import Embedder
from retrieval.context import Context
from retrieval.fuse import convex_combination
from retrieval.scripts import script

LANGUAGES = ("en", "zh")
_DEPTH = 50
_HALF_TRUSTED = 30
_SMALL_ARTICLES, _SMALL_CORPORA = 6, 10
# Of the questions on other articles, one in so many is asked of a small corpus.
_OTHERS = 12
Vector = npt.NDArray[np.float64]


class MixedPool(Pool):
    """Passages in several scripts, searched as a release searches them.

    Args:
        embedder: embeds them.
        texts: the passages.
    """

    def __init__(self, embedder: Embedder, texts: Sequence[str]) -> None:
        super().__init__(embedder, texts)
        self._scripts = np.array([script(text) for text in self.texts])

    def context(self, question: str, without: Iterable[str] = ()) -> Context:
        """See :meth:`Pool.context`."""
        allowed = self._allowed(without)
        query = self._embedder.embed_query(question)
        cosines = self._vectors @ query
        dense = _best(np.where(allowed, cosines - self._shifts(query, allowed), -9.0), -2.0)
        words = _best(np.where(allowed, self._bm25(question), 0.0), 0.0)
        foreign = {place for place, _ in dense if self._scripts[place] != script(question)}
        fused = convex_combination(dense, words, (1.0, 1.0), self._ceiling(question), _DEPTH, foreign)
        best = sorted(fused, key=lambda place: (-fused[place], place))[:PASSAGES]
        passages = tuple(numbered(at, self.texts[place], fused[place]) for at, place in enumerate(best, start=1))
        nearest = max(float(cosines[place]) for place, _ in dense)
        return Context(release="", query=question, passages=passages, best_cosine=nearest)

    def _shifts(self, query: npt.NDArray[np.float32], allowed: npt.NDArray[np.bool_]) -> Vector:
        """What is taken off each passage's cosine for its script."""
        common = self._vectors[allowed].mean(axis=0)
        shifts = np.zeros(len(self.texts))
        for name in np.unique(self._scripts[allowed]):
            rows = (self._scripts == name) & allowed
            trust = rows.sum() / (rows.sum() + _HALF_TRUSTED)
            centre = trust * self._vectors[rows].mean(axis=0) + (1 - trust) * common
            shifts[self._scripts == name] = RetrievalSettings().script_balance * float(query @ centre)
        return shifts


def _best(scores: Vector, above: float) -> list[tuple[int, float]]:
    order = np.argsort(-scores, kind="stable")[:_DEPTH].tolist()
    return [(place, float(scores[place])) for place in order if scores[place] > above]


def xquad_mixed(embedder: Embedder, step: int = 1) -> list[Asked]:
    """Questions in both languages over every mixed corpus.

    Each is asked of the corpus as it is, without the paragraph that answers, and without its article; questions on
    articles that a small corpus does not have are asked of it too.

    Args:
        embedder: embeds passages and questions.
        step: take every n-th question.
    """
    articles = {language: _articles(language) for language in LANGUAGES}
    found: list[Asked] = []
    for kind, languages in _corpora(sorted(articles["en"])):
        kept = {name: articles[language][name] for name, language in languages.items()}
        found += _asked(embedder, kind, kept, languages, step)
    return found


def _articles(language: str) -> dict[str, list[str]]:
    return {path.stem: paragraphs(path) for path in (DATA / "xquad_en_zh" / language).glob("*.txt")}


def _corpora(names: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Name of each corpus, and the language of each of its articles."""
    for first in (0, 1):
        yield "mixed", {name: LANGUAGES[(at + first) % 2] for at, name in enumerate(names)}
    chance = random.Random(1)
    for _ in range(_SMALL_CORPORA):
        chosen = chance.sample(names, _SMALL_ARTICLES)
        in_english = chance.randint(1, _SMALL_ARTICLES - 1)
        yield "small mixed", {name: LANGUAGES[at >= in_english] for at, name in enumerate(chosen)}


def _asked(
    embedder: Embedder, kind: str, articles: dict[str, list[str]], languages: dict[str, str], step: int
) -> Iterator[Asked]:
    pool = MixedPool(embedder, [text for texts in articles.values() for text in texts])
    answers = {
        language: {row["id"]: row["gold"][0]["answer"] for row in _questions(language)} for language in LANGUAGES
    }
    for asked in LANGUAGES:
        for number, row in enumerate(_questions(asked)[::step]):
            name, half = row["gold"][0]["doc"].split("/")[1].removesuffix(".txt"), half_of(row["id"])
            if name in articles:
                kept, held = languages[name], articles[name][row["gold"][0]["para"]]
                for left, without in (("", []), (", paragraph gone", [held]), (", article gone", articles[name])):
                    context = pool.context(row["question"], without)
                    found = any(passage.text == held for passage in context.passages)
                    title = f"xquad {kind} {asked} -> {kept}{left or ('' if found else ', not found')}"
                    yield Asked(title, row["question"], context, found, half, (answers[kept][row["id"]],))
            elif number % _OTHERS == 0:
                context = pool.context(row["question"])
                yield Asked(
                    f"xquad {kind} {asked}, other subject", row["question"], context, answerable=False, half=half
                )


def _questions(language: str) -> list[dict[str, Any]]:
    return records(DATA / "xquad_en_zh" / f"questions.{language}.jsonl")
