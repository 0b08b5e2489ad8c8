"""Answers that people judged, or whose rightness is known, from public sets: what the metrics of answers are held to.

*Faithfulness*: :class:`benchmarks.support_sets.Rated`, an answer with what it was written from. *Correctness*:
:class:`Judged`, an answer with a reference that is not its own text. Where a set has no second right answer to a
question, a sentence of its source that holds the reference stands for one, as an answer that quotes would.
"""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from benchmarks.evidence_sets import bare, half_of
from benchmarks.quality_sets import DATA, records
from benchmarks.support_sets import Rated, changed, claims_of, negated
from serving.evidence.sentences import split_sentences

REPORT = "report"
# Mean human rating (1..4) from which an answer counts as one that people like.
LIKED = 3.5
_RATED = ("completeness", "appropriateness")
# So many words at most tell that a reference is a fact and not a text.
_FEW_WORDS = 12
_LEAST_SENTENCE = 12


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """An answer with a reference, and whether it is right.

    Attributes:
        name: the set, and what was done; what stands before a comma is the set.
        group: the question; answers to the same one are drawn together.
        question: the question.
        answer: what was answered.
        references: answers that are right, never the answer itself.
        right: the label.
        half: ``fit`` or ``report``.
        rating: of people, where they gave more than a label.
        others: scores of published metrics, higher is better.
    """

    name: str
    group: str
    question: str
    answer: str
    references: tuple[str, ...]
    right: bool
    half: str
    rating: float | None = None
    others: dict[str, float] = {}


def halueval_answers() -> list[Rated]:
    """Right and hallucinated answers of HaluEval with the knowledge that they should follow from."""
    found = []
    for row in records(DATA / "halueval_qa" / "halueval_qa.jsonl"):
        for answer, right in ((row["right_answer"], True), (row["hallucinated_answer"], False)):
            claims = claims_of(answer) or (answer,)
            found.append(Rated(claims, (row["knowledge"],), float(right), right, half_of(row["id"]), "", {}))
    return found


def halueval_statements() -> list[Rated]:
    """The same, both answers behind their question, so that length tells less."""
    found = []
    for row in records(DATA / "halueval_qa" / "halueval_qa.jsonl"):
        for answer, right in ((row["right_answer"], True), (row["hallucinated_answer"], False)):
            claim = f"{row['question'].rstrip('?？ ')} {answer}"
            found.append(Rated((claim,), (row["knowledge"],), float(right), right, half_of(row["id"]), "", {}))
    return found


def uhgeval_answers() -> list[Rated]:
    """Real and hallucinated continuations of Chinese news with the news they continue."""
    found = []
    for row in records(DATA / "uhgeval_zh" / "uhgeval.jsonl"):
        evidence = (row["newsBeginning"], row["newsRemainder"])
        for answer, right in ((row["realContinuation"], True), (row["hallucinatedContinuation"], False)):
            claims = claims_of(answer)
            if claims:
                found.append(Rated(claims, evidence, float(right), right, half_of(row["id"]), "", {}))
    return found


def uhgeval_claims() -> list[Rated]:
    """Key words of hallucinated Chinese continuations, as people judged each, with the news.

    The word itself is held against the news: the clauses around it hold others, right and wrong ones.
    """
    found = []
    for row in records(DATA / "uhgeval_zh" / "uhgeval.jsonl"):
        evidence = (row["newsBeginning"], row["newsRemainder"])
        for mark in row["annotations"]:
            place = row["hallucinatedContinuation"].find(mark["span"])
            if place < 0 or mark["label"] not in {"supported", "unsupported"}:
                continue
            right = mark["label"] == "supported"
            found.append(Rated((mark["span"],), evidence, float(right), right, half_of(row["id"]), "", {}))
    return found


def mtrag_judged() -> list[Judged]:
    """Answers of GPT-4o and Llama 3.1 with the reference that a person wrote, and the mean of what people say of their
    completeness and appropriateness (right from 3.5 of 4 on: few are rated lower)."""
    found = []
    for row in records(DATA / "mtrag" / "human_evaluated_answers.jsonl"):
        if row["model"] != "reference":
            values = [float(one) for name in _RATED for one in row["human"][name].values()]
            rating = statistics.fmean(values)
            found.append(_mtrag(row, "mtrag", rating, right=rating >= LIKED))
    return found


def mtrag_preferred() -> list[Judged]:
    """The same, with how often people preferred the answer to the other answers (right where as often as not)."""
    found = []
    for row in records(DATA / "mtrag" / "human_evaluated_answers.jsonl"):
        if row["model"] != "reference":
            rating = statistics.fmean(float(one) for one in row["human"]["win-rate"].values())
            found.append(_mtrag(row, "mtrag win rate", rating, right=rating >= 50))
    return found


def _mtrag(row: dict[str, Any], name: str, rating: float, *, right: bool) -> Judged:
    return Judged(
        name=name,
        group=row["task_id"],
        question=row["dialogue"][-1]["text"],
        answer=row["response"],
        references=tuple(row["reference"]),
        right=right,
        half=half_of(row["task_id"].split("<")[0]),
        rating=rating,
        others={name: float(value) for name, value in row["automatic"].items() if value is not None},
    )


def mtrag_damaged(judged: Sequence[Judged]) -> list[Judged]:
    """Answers of MTRAG that people liked, the same answers negated or with another number or name in each sentence that
    has one, and answers to another question."""
    liked = [
        msgspec.structs.replace(one, rating=None, others={})
        for one in judged
        if one.rating is not None and one.rating >= LIKED
    ]
    found = []
    for place, one in enumerate(liked):
        other = next((far for far in liked[place + 5 :] + liked if far.group != one.group), one)
        wrong = {
            "changed": _damaged(one.answer, one.references),
            "negated": _negated(one.answer),
            "another question": other.answer,
        }
        found.append(msgspec.structs.replace(one, name="mtrag damaged", right=True))
        found += [
            msgspec.structs.replace(one, name=f"mtrag damaged, {name}", answer=text, right=False)
            for name, text in wrong.items()
            if text
        ]
    return found


def halueval_judged() -> list[Judged]:
    """HaluEval: sentences of the knowledge that hold the right answer (right), the hallucinated answer, and sentences
    that do not hold it (wrong); the right answer is the reference."""
    found = []
    for row in records(DATA / "halueval_qa" / "halueval_qa.jsonl"):
        one = Judged(
            name="halueval",
            group=row["id"],
            question=row["question"],
            answer=row["hallucinated_answer"],
            references=(row["right_answer"],),
            right=False,
            half=half_of(row["id"]),
        )
        found += [one, *_quoting(one, (row["knowledge"],), row["right_answer"])]
    return found


def ramdocs_judged() -> list[Judged]:
    """RAMDocs: sentences of documents that hold a right answer, and of documents that hold a false one."""
    found = []
    for row in records(DATA / "ramdocs" / "ramdocs.jsonl"):
        gold, wrong = tuple(map(str, row["gold_answers"])), tuple(map(str, row["wrong_answers"]))
        for answers, right in ((gold, True), (wrong, False)):
            for answer in answers:
                texts = [document["text"] for document in row["documents"] if document["answer"] == answer]
                sentence = _holding(texts, answer)
                if sentence and (right or not any(bare(one) in bare(sentence) for one in gold)):
                    found.append(
                        Judged(
                            name="ramdocs",
                            group=row["id"],
                            question=row["question"],
                            answer=sentence,
                            references=gold,
                            right=right,
                            half=REPORT,
                        )
                    )
    return found


def cmrc_judged() -> list[Judged]:
    """CMRC 2018: what another annotator marked (right), and the answer to another question about the paragraph."""
    rows = records(DATA / "cmrc2018_zh" / "questions.jsonl")
    of_doc: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        of_doc[row["gold"]["doc"]].append(row)
    found = []
    for row in rows:
        texts = list(dict.fromkeys(answer["text"] for answer in row["gold"]["answers"]))
        others = [other for other in of_doc[row["gold"]["doc"]] if other["id"] != row["id"]]
        wrong = next((other["gold"]["answers"][0]["text"] for other in others), "")
        if len(texts) < 2 or not wrong or bare(wrong) in bare(" ".join(texts)):
            continue
        one = Judged(
            name="cmrc",
            group=row["id"],
            question=row["question"],
            answer=texts[0],
            references=tuple(texts[1:]),
            right=True,
            half=REPORT,
        )
        found += [one, msgspec.structs.replace(one, answer=wrong, right=False)]
    return found


def xquad_judged(asked: str, answered: str, step: int = 1) -> list[Judged]:
    """XQuAD: the reference in one language; in the other one, the answer, the sentence that holds it (right), the
    answer to the next question about the paragraph and a sentence without the answer (wrong)."""
    folder = DATA / "xquad_en_zh"
    references = {row["id"]: row for row in records(folder / f"questions.{asked}.jsonl")}
    rows = records(folder / f"questions.{answered}.jsonl")
    texts = {path.stem: path.read_text(encoding="utf-8").split("\n\n") for path in (folder / answered).glob("*.txt")}
    found = []
    for row, following in list(zip(rows, [*rows[1:], rows[0]], strict=True))[::step]:
        gold = row["gold"][0]
        reference, article = references[row["id"]], gold["doc"].split("/")[1].removesuffix(".txt")
        wrong = following["gold"][0]["answer"]
        one = Judged(
            name=f"xquad {asked} -> {answered}",
            group=row["id"],
            question=reference["question"],
            answer=gold["answer"],
            references=(reference["gold"][0]["answer"],),
            right=True,
            half=half_of(article),
        )
        if bare(one.answer) != bare(one.references[0]):
            found.append(one)
        if bare(wrong) not in bare(gold["answer"]):
            found.append(msgspec.structs.replace(one, answer=wrong, right=False))
        found += _quoting(one, (texts[article][gold["para"]],), gold["answer"])
    return found


def rgb_judged() -> list[Judged]:
    """RGB: sentences of passages that state the answer, and of the passages that were edited to state another one."""
    found = []
    for language in ("zh", "en"):
        for row in records(DATA / "rgb" / f"{language}_fact.jsonl"):
            right, fake = _texts(row["answer"]), _texts(row["fakeanswer"])
            for answers, passages, label in ((right, row["positive"], True), (fake, row["positive_wrong"], False)):
                sentence = next((text for one in answers if (text := _holding(passages, one))), "")
                if sentence and (label or not any(bare(one) in bare(sentence) for one in right)):
                    found.append(
                        Judged(
                            name=f"rgb {language}",
                            group=f"{language} {row['id']}",
                            question=row["query"],
                            answer=sentence,
                            references=right,
                            right=label,
                            half=REPORT,
                        )
                    )
    return found


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _quoting(one: Judged, texts: Sequence[str], right: str) -> Iterator[Judged]:
    """The sentence of some texts that holds an answer, and the longest one that does not."""
    if len(right.split()) > _FEW_WORDS or not bare(right) or bare(right) in {"yes", "no"}:
        return
    holding = _holding(texts, right)
    sentences = [text[start:end] for text in texts for start, end in split_sentences(text)]
    if not holding or bare(holding) == bare(right):
        return
    yield msgspec.structs.replace(one, answer=holding, right=True)
    lacking = [sentence for sentence in sentences if bare(right) not in bare(sentence)]
    if lacking:
        wrong = max(lacking, key=len)
        yield msgspec.structs.replace(one, name=f"{one.name}, another sentence", answer=wrong, right=False)


def _holding(texts: Sequence[str], answer: str) -> str:
    """The shortest sentence that holds an answer as a word of its own; "" where none does."""
    word = re.compile(rf"(?<![A-Za-z0-9]){re.escape(answer)}(?![A-Za-z0-9])", re.IGNORECASE)
    sentences = (text[start:end] for text in texts for start, end in split_sentences(text))
    return min((one for one in sentences if len(one) >= _LEAST_SENTENCE and word.search(one)), key=len, default="")


def _damaged(answer: str, references: Sequence[str]) -> str:
    """The answer with another number or name in every sentence whose one the reference has too; "" without any."""
    return _rewritten(answer, lambda sentence: changed(sentence, references))


def _negated(answer: str) -> str:
    return _rewritten(answer, negated)


def _rewritten(answer: str, rewrite: Any) -> str:
    spans = split_sentences(answer)
    wrong = [rewrite(answer[start:end]) for start, end in spans]
    if sum(map(bool, wrong)) * 2 < len(wrong):
        return ""
    return " ".join(new or answer[start:end] for new, (start, end) in zip(wrong, spans, strict=True))
