"""Real questions over real documents, as pools of cases from which the gate's samples are drawn.

Three public sets (see :mod:`benchmarks.quality_sets` for where they lie), each with documents, questions and the words
that answer them. Some documents are left out of the corpus: what is asked about them is to be abstained from.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec

from benchmarks.quality_sets import DATA, records
from evaluation.records import Case, Evidence

_SENTENCE_END = re.compile(r"[.!?](?=\s)|[。！？]|\n")
_PART = 6_000
_FOLDERS = 4
_MOST = 210


class Pool(msgspec.Struct, frozen=True):
    """Documents and the cases about them.

    Attributes:
        name: also the name of its workspace folder.
        model: embedding model of its workspace.
        files: text by path below the source folder.
        cases: accepted cases.
        strange: texts of other sets in the same language, for documents that have nothing to do with the questions.
    """

    name: str
    model: str
    files: dict[str, str]
    cases: tuple[Case, ...]
    strange: tuple[str, ...]


def _thinned(pool: Pool) -> Pool:
    """Every second or third case, evenly, where there are more than :data:`_MOST`."""
    return msgspec.structs.replace(pool, cases=pool.cases[:: -(-len(pool.cases) // _MOST)])


def _xquad(language: str) -> Pool:
    """XQuAD: 28 articles of five paragraphs; what is asked about four further articles is to be abstained from."""
    folder = DATA / "xquad_en_zh"
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted((folder / language).glob("*.txt"))}
    names = list(texts)
    kept = {name: _placed(number, name) for number, name in enumerate(names[:-4])}
    cases = []
    for row in records(folder / f"questions.{language}.jsonl"):
        gold = row["gold"][0]
        name = gold["doc"].split("/", 1)[1]
        sentence = _sentence(texts[name], gold["answer_start"], gold["answer"])
        cases.append(_case(row["id"], row["question"], [gold["answer"]], kept.get(name), sentence))
    files = {path: texts[name] for name, path in kept.items()}
    model, strange = (
        ("all-MiniLM-L6-v2", _passages("en_fact"))
        if language == "en"
        else ("multilingual-e5-small", _passages("zh_fact"))
    )
    return Pool(f"xquad_{language}", model, files, tuple(cases), strange)


def _cmrc() -> Pool:
    """CMRC 2018: 240 paragraphs, each a file; what is asked about 30 further ones is to be abstained from."""
    folder = DATA / "cmrc2018_zh"
    names = sorted(path.name for path in (folder / "docs").glob("*.txt"))[:270]
    texts = {name: (folder / "docs" / name).read_text(encoding="utf-8") for name in names}
    kept = {name: _placed(number, name) for number, name in enumerate(names[:240])}
    cases = []
    for row in records(folder / "questions.jsonl"):
        name = row["gold"]["doc"]
        answers = [item for item in row["gold"]["answers"] if item["start"] >= 0]
        if name in texts:
            sentence = _sentence(texts[name], answers[0]["start"], answers[0]["text"])
            right = list(dict.fromkeys(item["text"] for item in answers))
            cases.append(_case(row["id"], row["question"], right, kept.get(name), sentence))
    files = {path: texts[name] for name, path in kept.items()}
    return Pool("cmrc", "multilingual-e5-small", files, tuple(cases), _passages("zh_fact"))


def _chroma() -> Pool:
    """The chunking evaluation of Chroma: three long texts cut into parts; every question has several excerpts."""
    folder = DATA / "chroma_chunking"
    rows = records(folder / "questions.jsonl")
    files: dict[str, str] = {}
    parts: dict[str, list[tuple[int, int, str]]] = {}
    for path in sorted((folder / "corpora").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        gold = [(item["start"], item["end"]) for row in rows for item in row["gold"] if item["doc"] == path.name]
        parts[path.name] = []
        for number, (start, end) in enumerate(_parts(text, gold)):
            name = f"{path.stem}/part-{number:02d}.txt"
            files[name] = text[start:end]
            parts[path.name].append((start, end, name))
    cases = tuple(_excerpt_case(row, parts) for row in rows)
    return Pool("chroma", "all-MiniLM-L6-v2", files, cases, _passages("en_fact"))


def _excerpt_case(row: dict[str, Any], parts: dict[str, list[tuple[int, int, str]]]) -> Case:
    evidence = []
    for item in row["gold"]:
        name = next(name for start, end, name in parts[item["doc"]] if start <= item["start"] and item["end"] <= end)
        evidence.append(Evidence(f"docs/{name}", item["text"]))
    return Case(id=str(row["id"]), question=row["question"], evidence=tuple(evidence), tags=("chroma",))


def _parts(text: str, gold: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Cuts after line ends that go through no excerpt, about every :data:`_PART` characters."""
    ends = [found.end() for found in re.finditer(r"\n", text)]
    cuts = [0]
    for end in ends:
        if end - cuts[-1] >= _PART and not any(start < end < stop for start, stop in gold):
            cuts.append(end)
    if cuts[-1] < len(text):
        cuts.append(len(text))
    return list(pairwise(cuts))


def _case(name: str, question: str, answers: list[str], path: str | None, sentence: str) -> Case:
    if path is None:
        return Case(id=name, question=question, must_abstain=True, tags=("unanswerable",))
    evidence = (Evidence(f"docs/{path}", sentence),)
    return Case(id=name, question=question, answer=answers[0], answers=tuple(answers[1:]), evidence=evidence)


def _placed(number: int, name: str) -> str:
    return f"folder-{number % _FOLDERS}/{name}"


def _sentence(text: str, start: int, answer: str) -> str:
    """The sentence that holds an answer."""
    end = start + len(answer)
    before = [found.end() for found in _SENTENCE_END.finditer(text, 0, start)]
    after = _SENTENCE_END.search(text, end)
    return text[before[-1] if before else 0 : after.end() if after else len(text)].strip()


def _passages(name: str) -> tuple[str, ...]:
    rows = records(DATA / "rgb" / f"{name}.jsonl")
    return tuple(dict.fromkeys(text for row in rows for text in row["positive"]))


POOLS: dict[str, Callable[[], Pool]] = {
    "xquad_en": lambda: _thinned(_xquad("en")),
    "xquad_zh": lambda: _thinned(_xquad("zh")),
    "cmrc": lambda: _thinned(_cmrc()),
    "chroma": lambda: _thinned(_chroma()),
}
"""How to read each pool."""
