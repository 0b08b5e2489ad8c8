"""Real documents with gold questions, as pools that faults are put into.

Every set is split in two halves by document: ``even`` is for choosing constants, ``odd`` for reporting. Nothing that
is chosen on the one sees a document of the other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from benchmarks.loop_history import fastapi
from benchmarks.loop_pool import Asked, Pool, is_mine, sentence_at
from benchmarks.quality_sets import DATA, records

_QUESTIONS = 90
_PASSAGES = 40
_OUTSIDE = 20
_UPDATED = {"en": "Updated: 2024-03-05", "zh": "更新日期：2024-03-05"}


@cache
def pool(name: str, half: str) -> Pool:
    """One half of a set, by the name of the set."""
    return SETS[name](half)


def _thinned(asked: list[Asked]) -> tuple[Asked, ...]:
    return tuple(asked[:: -(-len(asked) // _QUESTIONS)]) if asked else ()


def _xquad(language: str, half: str) -> Pool:
    folder = DATA / "xquad_en_zh"
    every = sorted((folder / language).glob("*.txt"))
    paths = [path for number, path in enumerate(every) if is_mine(number, half)]
    texts = {path.name: path.read_text(encoding="utf-8") for path in paths}
    files = {_article(name): _page(name, text, language) for name, text in texts.items()}
    asked, outside = [], []
    for row in records(folder / f"questions.{language}.jsonl"):
        gold = row["gold"][0]
        name = gold["doc"].split("/", 1)[1]
        if name in texts:
            sentence = sentence_at(texts[name], gold["answer_start"], len(gold["answer"]))
            asked.append(
                Asked(
                    id=row["id"],
                    question=row["question"],
                    answer=gold["answer"],
                    source=_article(name),
                    sentence=sentence,
                )
            )
        else:
            outside.append(Asked(id=row["id"], question=row["question"], answer=""))
    other = "zh" if language == "en" else "en"
    foreign = tuple((folder / other / path.name).read_text(encoding="utf-8") for path in paths)
    return Pool(
        name=f"xquad_{language}",
        language=language,
        half=half,
        files=files,
        asked=_thinned(asked),
        outside=tuple(outside[:: len(outside) // _OUTSIDE]),
        foreign=foreign,
        attacked=_attacked(half)[::2] if language == "en" else (),
    )


def _article(name: str) -> str:
    return name.split("_", 1)[1].removesuffix(".txt").strip("_") + ".md"


def _page(name: str, text: str, language: str) -> str:
    title = name.split("_", 1)[1].removesuffix(".txt").replace("_", " ").strip()
    return f"# {title}\n\n{_UPDATED[language]}\n\n{text.strip()}\n"


def _attacked(half: str) -> tuple[Asked, ...]:
    """PoisonedRAG: the documents do not answer the questions until the attacker's texts are there."""
    rows = [row for name in ("nq", "hotpotqa") for row in records(DATA / "poisonedrag" / f"{name}.jsonl")]
    return tuple(
        Asked(
            id=str(row["id"]),
            question=row["question"],
            answer="",
            others=(str(row["correct answer"]),),
            wrong=str(row["incorrect answer"]),
            planted=tuple(row["adv_texts"]),
        )
        for number, row in enumerate(rows)
        if is_mine(number, half)
    )


def _cmrc(half: str) -> Pool:
    """CMRC 2018: single paragraphs, each a document with two to four questions."""
    folder = DATA / "cmrc2018_zh"
    every = sorted((folder / "docs").glob("*.txt"))[: 2 * _PASSAGES]
    paths = [path for number, path in enumerate(every) if is_mine(number, half)]
    texts = {path.name: path.read_text(encoding="utf-8") for path in paths}
    asked, outside = [], []
    for row in records(folder / "questions.jsonl"):
        name = row["gold"]["doc"]
        answers = [item for item in row["gold"]["answers"] if item["start"] >= 0]
        if name in texts and answers:
            sentence = sentence_at(texts[name], answers[0]["start"], len(answers[0]["text"]))
            right = list(dict.fromkeys(item["text"] for item in answers))
            found = Asked(
                id=row["id"],
                question=row["question"],
                answer=right[0],
                others=tuple(right[1:]),
                source=name,
                sentence=sentence,
            )
            asked.append(found)
        elif name not in texts:
            outside.append(Asked(id=row["id"], question=row["question"], answer=""))
    return Pool(
        name="cmrc_zh",
        language="zh",
        half=half,
        files={name: f"{_UPDATED['zh']}\n\n{text}" for name, text in texts.items()},
        asked=_thinned(asked),
        outside=tuple(outside[:: len(outside) // _OUTSIDE]),
        foreign=pool("xquad_zh", half).foreign,
    )


def _chroma(half: str) -> Pool:
    """Chroma's chunking evaluation: questions with one excerpt, over parts of about 4,000 characters."""
    folder = DATA / "chroma_chunking"
    files: dict[str, str] = {}
    asked: list[Asked] = []
    rows = [row for row in records(folder / "questions.jsonl") if len(row["gold"]) == 1]
    for path in sorted((folder / "corpora").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        mine = [row for row in rows if row["gold"][0]["doc"] == path.name]
        for number, (start, end) in enumerate(_parts(text, [row["gold"][0] for row in mine])):
            if not is_mine(number, half) or number >= _PASSAGES:
                continue
            name = f"{path.stem}/part-{chr(97 + number // 26)}{chr(97 + number % 26)}.txt"
            files[name] = text[start:end]
            asked += [_excerpt(row, name) for row in mine if start <= row["gold"][0]["start"] < end]
    return Pool(
        name="chroma_en",
        language="en",
        half=half,
        files=files,
        asked=_thinned(asked),
        outside=pool("xquad_en", half).outside,
        foreign=pool("xquad_en", half).foreign,
    )


def _excerpt(row: dict[str, Any], name: str) -> Asked:
    text = row["gold"][0]["text"]
    return Asked(id=row["id"], question=row["question"], answer=text, source=name, sentence=text)


def _parts(text: str, gold: list[dict[str, Any]]) -> list[tuple[int, int]]:
    cuts = [0]
    for found in re.finditer(r"\n", text):
        end = found.end()
        if end - cuts[-1] >= 4000 and not any(item["start"] < end < item["end"] for item in gold):
            cuts.append(end)
    ends = [*cuts[1:], len(text)]
    return [(start, end) for start, end in zip(cuts, ends, strict=True) if end > start]


def _rgb(language: str, half: str) -> Pool:
    """RGB: web passages; the set's own edited passages state a false answer."""
    rows = [row for number, row in enumerate(records(DATA / "rgb" / f"{language}_fact.jsonl")) if is_mine(number, half)]
    files: dict[str, str] = {}
    asked = []
    for row in rows:
        right, wrong = _first(row["answer"]), _first(row["fakeanswer"])
        found = next(
            (
                (true, false)
                for true, false in zip(row["positive"], row["positive_wrong"], strict=False)
                if right in true and wrong in false and right not in false
            ),
            None,
        )
        for number, text in enumerate(row["negative"][:2]):
            files[f"web/{row['id']}-{'xyz'[number]}.txt"] = text + "\n"
        if found is None:
            continue
        name = f"web/{row['id']}-a.txt"
        files[name] = found[0] + "\n"
        asked.append(
            Asked(
                id=str(row["id"]),
                question=row["query"],
                answer=right,
                source=name,
                sentence=sentence_at(found[0], found[0].index(right), len(right)),
                wrong=wrong,
                planted=(found[1],),
            )
        )
    return Pool(
        name=f"rgb_{language}",
        language=language,
        half=half,
        files=files,
        asked=tuple(asked),
        outside=pool(f"xquad_{language}", half).outside,
        foreign=pool(f"xquad_{language}", half).foreign,
    )


def _first(value: Any) -> str:
    """A text, or the first one of a list of any depth."""
    while not isinstance(value, str):
        value = value[0]
    return value


def _ramdocs(half: str) -> Pool:
    """RAMDocs: a passage with the right answer for each question, passages of noise; the set's misinformation."""
    rows = [row for number, row in enumerate(records(DATA / "ramdocs" / "ramdocs.jsonl")) if is_mine(number, half)]
    files: dict[str, str] = {}
    asked: list[Asked] = []
    for row in rows:
        if len(asked) >= _PASSAGES:
            break
        right = next((item for item in row["documents"] if item["type"] == "correct"), None)
        false = [item for item in row["documents"] if item["type"] == "misinfo"]
        if right is None or not false or right["answer"] not in right["text"] or len(row["gold_answers"]) > 1:
            continue
        name = f"wiki/{row['id'].replace('ramdocs-', 'item-')}.txt"
        files[name] = right["text"] + "\n"
        for number, item in enumerate([item for item in row["documents"] if item["type"] == "noise"][:1]):
            files[f"wiki/{row['id'].replace('ramdocs-', 'more-')}-{'xyz'[number]}.txt"] = item["text"] + "\n"
        asked.append(
            Asked(
                id=row["id"],
                question=row["question"],
                answer=right["answer"],
                source=name,
                sentence=sentence_at(right["text"], right["text"].index(right["answer"]), len(right["answer"])),
                wrong=false[0]["answer"],
                planted=tuple(item["text"] for item in false),
            )
        )
    return Pool(
        name="ramdocs_en",
        language="en",
        half=half,
        files=files,
        asked=tuple(asked),
        outside=pool("xquad_en", half).outside,
        foreign=pool("xquad_en", half).foreign,
    )


SETS: dict[str, Callable[[str], Pool]] = {
    "xquad_en": lambda half: _xquad("en", half),
    "xquad_zh": lambda half: _xquad("zh", half),
    "cmrc_zh": _cmrc,
    "chroma_en": _chroma,
    "rgb_en": lambda half: _rgb("en", half),
    "rgb_zh": lambda half: _rgb("zh", half),
    "ramdocs_en": _ramdocs,
    "fastapi_en": lambda half: fastapi("en", half, pool("xquad_en", half).outside),
    "fastapi_zh": lambda half: fastapi("zh", half, pool("xquad_zh", half).outside),
}
"""How to read each set."""
