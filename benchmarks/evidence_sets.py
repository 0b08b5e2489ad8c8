"""Questions with and without their answer in reach, and sentences with and without support, from public sets.

Passages are found as ragpress finds them (dense and BM25 rankings fused by rank), in memory, so that the passages that
answer can be taken away for one question at a time.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from benchmarks.quality_sets import DATA, records
from ragpress.types import Embedder
from retrieval.context import Context, Passage
from retrieval.fuse import reciprocal_rank_fusion
from serving.evidence.terms import terms_of

PASSAGES = 6
_DEPTH = 50
_K1, _B = 1.2, 0.75
FIT, REPORT = "fit", "report"


class Asked(msgspec.Struct, frozen=True):
    """A question with the passages found for it.

    Attributes:
        name: the set, and what was done to its passages.
        question: the question.
        context: what was found.
        answerable: whether the corpus holds the answer.
        half: ``fit`` or ``report``.
        gold: strings of which one must stand in an answer; empty where the set has none.
    """

    name: str
    question: str
    context: Context
    answerable: bool
    half: str
    gold: tuple[str, ...] = ()


class Pool:
    """Passages that questions are searched in.

    Args:
        embedder: embeds them.
        texts: the passages.
    """

    def __init__(self, embedder: Embedder, texts: Sequence[str]) -> None:
        self.texts = list(dict.fromkeys(texts))
        self.places = {text: place for place, text in enumerate(self.texts)}
        self._embedder = embedder
        self._vectors = embedder.embed_passages(self.texts)
        counts = [Counter(terms_of(text).stems) for text in self.texts]
        self._lengths = np.array([max(1, count.total()) for count in counts], dtype=np.float64)
        self._held: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for place, count in enumerate(counts):
            for stem, times in count.items():
                self._held[stem].append((place, times))

    def context(self, question: str, without: Iterable[str] = ()) -> Context:
        """The passages for a question, some texts left out of the search."""
        allowed = self._allowed(without)
        cosines = np.where(allowed, self._vectors @ self._embedder.embed_query(question), -1.0)
        lexical = np.where(allowed, self._bm25(question), 0.0)
        dense = np.argsort(-cosines, kind="stable")[:_DEPTH].tolist()
        words = [place for place in np.argsort(-lexical, kind="stable")[:_DEPTH].tolist() if lexical[place] > 0]
        fused = reciprocal_rank_fusion({"dense": dense, "lexical": words}, {"dense": 1.0, "lexical": 1.0}, 60)
        best = sorted((place for place in fused if allowed[place]), key=lambda place: (-fused[place], place))[:PASSAGES]
        passages = tuple(numbered(at, self.texts[place], fused[place]) for at, place in enumerate(best, start=1))
        return Context(release="", query=question, passages=passages, best_cosine=float(cosines.max()))

    def _allowed(self, without: Iterable[str]) -> npt.NDArray[np.bool_]:
        allowed = np.ones(len(self.texts), dtype=np.bool_)
        allowed[[self.places[text] for text in without if text in self.places]] = False
        return allowed

    def _ceiling(self, question: str) -> float:
        """The highest BM25 score that a text could get."""
        counts = [len(self._held.get(stem, ())) for stem in dict.fromkeys(terms_of(question).stems)]
        return (_K1 + 1) * sum(math.log(1 + (len(self.texts) - count + 0.5) / (count + 0.5)) for count in counts)

    def _bm25(self, question: str) -> npt.NDArray[np.float64]:
        scores = np.zeros(len(self.texts))
        norms = _K1 * (1 - _B + _B * self._lengths / self._lengths.mean())
        for stem in dict.fromkeys(terms_of(question).stems):
            postings = self._held.get(stem, [])
            rarity = math.log(1 + (len(self.texts) - len(postings) + 0.5) / (len(postings) + 0.5))
            for place, times in postings:
                scores[place] += rarity * times * (_K1 + 1) / (times + norms[place])
        return scores


def numbered(index: int, text: str, score: float) -> Passage:
    """A text as a passage of a context."""
    return Passage(
        index=index, chunk_id=str(index), document_id=str(index), source="", title="", heading=(), page=None, start=0,
        end=len(text), chunk=text, text=text, text_start=0, text_end=len(text), score=score,
    )  # fmt: skip


def half_of(key: str) -> str:
    """Which half a question or conversation is in, by a checksum of its id."""
    return FIT if zlib.crc32(key.encode()) % 2 == 0 else REPORT


def xquad(embedder: Embedder, asked: str, kept: str, step: int = 1) -> list[Asked]:
    """XQuAD questions of one language over the paragraphs of another: answerable, without the paragraph that answers,
    and without its whole article."""
    articles = {path.stem: paragraphs(path) for path in sorted((DATA / "xquad_en_zh" / kept).glob("*.txt"))}
    pool = Pool(embedder, [text for texts in articles.values() for text in texts])
    answers = {row["id"]: row["gold"][0]["answer"] for row in records(DATA / "xquad_en_zh" / f"questions.{kept}.jsonl")}
    found = []
    for row in records(DATA / "xquad_en_zh" / f"questions.{asked}.jsonl")[::step]:
        article = articles[row["gold"][0]["doc"].split("/")[1].removesuffix(".txt")]
        gold = (answers[row["id"]],)
        for name, without in _taken_away(article, [article[row["gold"][0]["para"]]]):
            context = pool.context(row["question"], without)
            title = f"xquad {asked} -> {kept}{name}"
            found.append(Asked(title, row["question"], context, not name, half_of(row["id"]), gold))
    return found


def _taken_away(article: list[str], paragraph: list[str]) -> list[tuple[str, list[str]]]:
    return [("", []), (", paragraph gone", paragraph), (", article gone", article)]


def paragraphs(path: Path) -> list[str]:
    """Paragraphs of an article of XQuAD."""
    return [text.strip() for text in path.read_text(encoding="utf-8").rstrip().split("\n\n")]


def mtrag(embedder: Embedder) -> list[Asked]:
    """Turns of MTRAG-UN conversations that the collection answers or does not, over the pooled passages of it."""
    rows = records(DATA / "mtrag" / "mtragun_tasks.jsonl")
    rated = records(DATA / "mtrag" / "human_evaluated_answers.jsonl")
    texts: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        texts[row["Collection"]] += [context["text"].strip() for context in row["contexts"]]
    for row in rated:
        texts[_collection(row["collection"])] += [context["text"].strip() for context in row["contexts"]]
    pools = {name: Pool(embedder, held) for name, held in texts.items() if held}
    found = []
    for row in rows:
        question, half = _standalone(row), half_of(row["conversation_id"])
        pool, kind = pools[row["Collection"]], row["answerability"][0]
        if kind in {"ANSWERABLE", "UNANSWERABLE"}:
            found.append(Asked("mtrag", question, pool.context(question), kind == "ANSWERABLE", half))
        if kind == "ANSWERABLE":
            context = pool.context(question, [context["text"].strip() for context in row["contexts"]])
            found.append(Asked("mtrag, passages gone", question, context, answerable=False, half=half))
    return found


def _collection(name: str) -> str:
    return re.split(r"[-_]", name.removeprefix("mt-rag-").removeprefix("mt_rag_"))[0]


def _standalone(row: dict[str, Any]) -> str:
    """The last question; a follow-up has the user's question before it in front, as where no model rewrites it."""
    turns = [turn["text"] for turn in row["input"] if turn["speaker"] == "user"]
    return " ".join(turns[-2:]) if row["Multi-Turn"] == ["Follow-up"] else turns[-1]


def rgb(embedder: Embedder) -> list[Asked]:
    """RGB in Chinese (non-commercial: measured only): all passages pooled, the question's positive ones there or not;
    and as the set's own test of refusal has it, from the question's own passages alone. A context that holds the
    answer's words although the positive passages are gone is left out."""
    rows = records(DATA / "rgb" / "zh_refine.jsonl")
    pool = Pool(embedder, [text for row in rows for text in row["positive"] + row["negative"]])
    found = []
    for row in rows:
        gold = tuple(answer for part in row["answer"] for answer in ([part] if isinstance(part, str) else part))
        own = set(row["positive"] + row["negative"])
        others = [text for text in pool.texts if text not in own]
        for name, without, answerable in (
            ("rgb zh", [], True),
            ("rgb zh", row["positive"], False),
            ("rgb zh, own passages", others, True),
            ("rgb zh, own passages", [*others, *row["positive"]], False),
        ):
            context = pool.context(row["query"], without)
            if answerable or not holds(context, gold):
                found.append(Asked(name, row["query"], context, answerable, REPORT, gold))
    return found


def holds(context: Context, gold: Sequence[str]) -> bool:
    """Whether some passage has one of these strings."""
    return any(bare(answer) in bare(passage.text) for passage in context.passages for answer in gold)


def bare(text: str) -> str:
    """Letters and digits alone, in lower case: what answers are compared by."""
    return "".join(char for char in text.lower() if char.isalnum())
