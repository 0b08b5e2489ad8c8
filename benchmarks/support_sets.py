"""Claims with evidence that supports them or does not, and whole answers that people rated, from public sets."""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from benchmarks.evidence_sets import half_of
from benchmarks.quality_sets import DATA, records
from serving.evidence.sentences import split_sentences
from serving.evidence.support import is_claim
from serving.evidence.terms import negations

# Mean human faithfulness (1..4) from which an answer counts as faithful.
FAITHFUL = 3.0
_DIGITS = re.compile(r"\d+")
_AUXILIARY = re.compile(r"\b(?:is|are|was|were|can|will|should|must|may)\b")
_CAPITALISED = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{2,}")


class Claim(msgspec.Struct, frozen=True):
    """A sentence, the texts it cites, and whether they support it.

    Attributes:
        name: where it is from.
        sentence: the claim.
        evidence: what it cites.
        supported: the label.
        half: ``fit`` or ``report``.
    """

    name: str
    sentence: str
    evidence: tuple[str, ...]
    supported: bool
    half: str


class Rated(msgspec.Struct, frozen=True):
    """An answer as people rated it.

    Attributes:
        claims: its sentences that state something.
        evidence: what it was written from.
        rating: higher is more faithful.
        faithful: the rating as a label.
        half: ``fit`` or ``report``.
        model: who wrote it.
        others: scores of published detectors, higher is more faithful.
    """

    claims: tuple[str, ...]
    evidence: tuple[str, ...]
    rating: float
    faithful: bool
    half: str
    model: str
    others: dict[str, float]


def claims_of(answer: str) -> tuple[str, ...]:
    """Sentences of an answer that state something."""
    sentences = [answer[start:end] for start, end in split_sentences(answer)]
    return tuple(sentence for sentence in sentences if is_claim(sentence))


def mtrag_answers() -> list[Rated]:
    """Answers of MTRAG with the mean of the human ratings of faithfulness (1..4)."""
    found = []
    for row in records(DATA / "mtrag" / "human_evaluated_answers.jsonl"):
        rating = statistics.fmean(float(value) for value in row["human"]["faithfulness"].values())
        claims = claims_of(row["response"])
        texts = tuple(context["text"] for context in row["contexts"])
        if claims and texts:
            half = half_of(row["task_id"].split("<")[0])
            others = {name: float(value) for name, value in row["automatic"].items() if value is not None}
            found.append(Rated(claims, texts, rating, rating >= FAITHFUL, half, row["model"], others))
    return found


_SEVERITY = {"Consistent": 3.0, "Benign": 2.0, "Questionable": 1.0, "Unwanted": 0.0}
_DETECTORS = (
    "hhemv1",
    "hhem-2.1",
    "hhem-2.1-english",
    "trueteacher",
    "true_nli",
    "gpt-3.5-turbo",
    "gpt-4-turbo",
    "gpt_4o",
)


def faithbench_answers() -> list[Rated]:
    """Summaries of FaithBench (non-commercial: measured only); unfaithful are Unwanted or Questionable ones."""
    found = []
    for row in records(DATA / "faithbench" / "faithbench.jsonl"):
        claims, rating = claims_of(row["summary"]), _SEVERITY[row["worst_label"]]
        others = {name: float(row["metadata"][name]) for name in _DETECTORS if row["metadata"].get(name) is not None}
        if claims:
            model = row["metadata"]["summarizer"]
            found.append(Rated(claims, (row["source"],), rating, rating >= 2, "report", model, others))
    return found


def mtrag_claims(answers: Sequence[Rated]) -> list[Claim]:
    """Sentences of faithful answers with their own passages, with those of another question, with one word changed, and
    negated."""
    found = []
    faithful = [answer for answer in answers if answer.rating >= 3.5]
    for place, answer in enumerate(faithful):
        other = next((far for far in faithful[place + 7 :] + faithful if far.evidence != answer.evidence), answer)
        for number, claim in enumerate(answer.claims):
            found.append(Claim("mtrag", claim, answer.evidence, supported=True, half=answer.half))
            if number % 2 == 0:
                found.append(Claim("mtrag, other passages", claim, other.evidence, supported=False, half=answer.half))
            changes = {"one word changed": changed(claim, answer.evidence), "negated": negated(claim)}
            for name, wrong in changes.items():
                if wrong:
                    found.append(Claim(f"mtrag, {name}", wrong, answer.evidence, supported=False, half=answer.half))
    return found


def changed(claim: str, evidence: Sequence[str]) -> str:
    """The claim with another number or another name; "" where it has none."""
    held = set(_DIGITS.findall(" ".join(evidence)))
    for match in _DIGITS.finditer(claim):
        wrong = str(int(match.group()) + 3)
        if match.group() in held and wrong not in held and len(match.group()) < 9:
            return claim[: match.start()] + wrong + claim[match.end() :]
    named = _CAPITALISED.search(claim)
    swap = next((name for name in _CAPITALISED.findall(" ".join(evidence)) if named and name not in claim), "")
    return claim[: named.start()] + swap + claim[named.end() :] if named and swap else ""


def negated(claim: str) -> str:
    """The claim with its first auxiliary verb negated; "" where it has none, or negates already."""
    verb = _AUXILIARY.search(claim)
    return "" if negations(claim) or not verb else claim[: verb.end()] + " not" + claim[verb.end() :]


def xquad_claims(asked: str, kept: str) -> list[Claim]:
    """A question joined with its answer as a claim: on its own paragraph, on the next one of the article, and with an
    answer from the next paragraph. Across languages, sentences and their translated paragraph as well."""
    folder = DATA / "xquad_en_zh"
    articles = {path.stem: _paragraphs(path) for path in sorted((folder / kept).glob("*.txt"))}
    rows = records(folder / f"questions.{asked}.jsonl")
    by_place: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        gold = row["gold"][0]
        by_place[gold["doc"].split("/")[1].removesuffix(".txt"), gold["para"]].append(row)
    found = list(_translated(asked, articles)) if asked != kept else []
    for (article, place), here in by_place.items():
        texts = articles[article]
        other = (place + 1) % len(texts)
        wrong = by_place.get((article, other), here)[0]["gold"][0]["answer"]
        for row in here[::2]:
            half, claim = half_of(article), _joined(row["question"], row["gold"][0]["answer"])
            title = f"xquad {asked} -> {kept}"
            found.append(Claim(title, claim, (texts[place],), supported=True, half=half))
            found.append(Claim(f"{title}, other passages", claim, (texts[other],), supported=False, half=half))
            false = _joined(row["question"], wrong)
            found.append(Claim(f"{title}, wrong answer", false, (texts[place],), supported=False, half=half))
    return found


def _joined(question: str, answer: str) -> str:
    return f"{question.rstrip('?？ ')} {answer}"


def _translated(asked: str, articles: dict[str, list[str]]) -> Iterator[Claim]:
    for article, texts in articles.items():
        paragraphs = _paragraphs(DATA / "xquad_en_zh" / asked / f"{article}.txt")
        for place, paragraph in enumerate(paragraphs):
            for sentence in claims_of(paragraph):
                half, name = half_of(article), f"xquad {asked} sentences"
                yield Claim(name, sentence, (texts[place],), supported=True, half=half)
                other = (texts[(place + 1) % len(texts)],)
                yield Claim(f"{name}, other passages", sentence, other, supported=False, half=half)


def _paragraphs(path: Any) -> list[str]:
    return [text.strip() for text in path.read_text(encoding="utf-8").rstrip().split("\n\n")]
