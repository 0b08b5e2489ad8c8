"""A real edit history as a pool of the fault benchmark: pages of the FastAPI documentation and their older editions.

The set has no questions, so nobody wrote those that are asked here: they are made by the project's own generator of
cases over the newest pages; and, as it asks of hardly any sentence that was edited, one is asked for the first sentence
of every section that the oldest edition did not have. The evidence is quoted word by word. They are easier, and less
like users, than those of the other sets.
"""

from __future__ import annotations

import json
import re
import tarfile
import tempfile
from functools import cache
from pathlib import Path

from benchmarks.loop_pool import Asked, Pool, folded, is_mine
from benchmarks.snapshots import DATA, STEPS
from evaluation.generate.records import GenerateRequest
from evaluation.generate.run import generate
from index.pipeline import IngestRequest, ingest
from ragpress.wiring import open_environment

FIRST, NEWEST = "2024-09-01", "2026-08-01"
"""Dates of the oldest and of the newest snapshot."""
_PAGES = 40
_SIZES = (300, 14000)
_QUESTIONS = 400
_MOST_EDITED = 70
_UPDATED = {"en": "Updated: {0}", "zh": "更新日期：{0}"}
_SECTION = re.compile(r"^##+ +(.+?)(?: *\{ *#[^}]*\})? *$", re.MULTILINE)
_TITLE = re.compile(r"\A# +(.+?)(?: *\{ *#[^}]*\})? *$", re.MULTILINE)
_PROSE = re.compile(r"^[A-Z`*\u4e00-\u9fff][^\n\[\]<>|{}#]{30,260}?[.。](?=\s|$)", re.MULTILINE)
_ASKS = {
    "en": "According to “{title}”, what does the section “{section}” say?",
    "zh": "根据《{title}》，“{section}”部分是怎么说的？",
}
_BEFORE_TEXT = re.compile(r"\A(#[^\n]*\n)?\s*")


@cache
def editions(language: str) -> tuple[dict[str, str], dict[str, str]]:
    """Text of every page of a language by path: in the newest snapshot, and in the oldest that has it."""
    newest, oldest = dict[str, str](), dict[str, str]()
    top = f"docs/{language}/docs/"
    for number in range(STEPS + 1):
        step = f"step_{number:02d}" if number else "base"
        with tarfile.open(DATA / f"{step}.tar.xz") as content:
            for item in content:
                handle = content.extractfile(item) if item.isfile() and item.name.startswith(top) else None
                if handle is not None:
                    name = item.name.removeprefix(top)
                    newest[name] = handle.read().decode("utf-8")
                    oldest.setdefault(name, newest[name])
        for name in json.loads((DATA / f"{step}.json").read_text(encoding="utf-8"))["deleted"] if number else ():
            newest.pop(name.removeprefix(top), None)
    return newest, oldest


def fastapi(language: str, half: str, outside: tuple[Asked, ...]) -> Pool:
    """Pages of one language that were edited between the oldest and the newest snapshot, each with its date.

    Args:
        language: ``en`` or ``zh``.
        half: ``even`` or ``odd``: of the pages by path, which are the same in both languages.
        outside: questions that the pages do not answer.
    """
    newest, oldest = editions(language)
    # A page is in the same half in both languages.
    mine = [name for number, name in enumerate(sorted(editions("en")[0])) if is_mine(number, half)]
    chosen = [name for name in mine if _is_fit(newest.get(name, ""), oldest.get(name, ""))]
    every = {name: dated(newest[name], language, NEWEST) for name in chosen}
    earlier = {name: dated(oldest[name], language, FIRST) for name in chosen}
    edited = _edited(every, earlier, language)
    told = {asked.source for asked in edited}
    files = dict(sorted(every.items(), key=lambda item: item[0] not in told)[:_PAGES])
    foreign, _ = editions("zh" if language == "en" else "en")
    return Pool(
        name=f"fastapi_{language}",
        language=language,
        half=half,
        files=files,
        asked=(*_asked(files), *(asked for asked in edited if asked.source in files)),
        outside=outside,
        foreign=tuple(foreign[name] for name in files if name in foreign),
        earlier=earlier,
    )


def dated(text: str, language: str, date: str) -> str:
    """A page with the date of its snapshot below its title."""
    line = _UPDATED[language].format(date)
    return _BEFORE_TEXT.sub(lambda found: f"{found[1] or ''}\n{line}\n\n", text, count=1)


def _is_fit(text: str, old: str) -> bool:
    return _SIZES[0] <= len(text) <= _SIZES[1] and text != old


def _asked(files: dict[str, str]) -> tuple[Asked, ...]:
    """Generated questions whose evidence stands in a page as it is written."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in files.items():
            path = root / "docs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        settings = '[sources]\nfolders = ["docs"]\n[embed]\nmodel = "hashing"\n[workers]\nprocesses = 1\n'
        (root / "ragpress.toml").write_text(settings, encoding="utf-8")
        environment = open_environment(root)
        ingest(IngestRequest(), environment)
        made = generate(environment, GenerateRequest(count=_QUESTIONS, unanswerable=0.0))
    asked = []
    for case in made.cases:
        evidence = case.evidence[0]
        name = evidence.source.removeprefix("docs/")
        if len(case.evidence) == 1 and case.answer and case.answer in evidence.quote and evidence.quote in files[name]:
            asked.append(
                Asked(
                    id=case.id,
                    question=case.question,
                    answer=case.answer,
                    others=case.answers,
                    source=name,
                    sentence=evidence.quote,
                )
            )
    return tuple(asked)


def _edited(files: dict[str, str], earlier: dict[str, str], language: str) -> tuple[Asked, ...]:
    """A question for every section whose first sentence of prose the oldest edition lacks."""
    asked = []
    for name, text in files.items():
        title = _TITLE.search(text)
        heads = [*_SECTION.finditer(text)]
        for number, head in enumerate(heads):
            end = heads[number + 1].start() if number + 1 < len(heads) else len(text)
            said = _PROSE.search(text, head.end(), end)
            if title is None or said is None or folded(said[0]) in folded(earlier[name]):
                continue
            question = _ASKS[language].format(title=title[1], section=head[1])
            asked.append(Asked(id=f"{name}#{number}", question=question, answer=said[0], source=name, sentence=said[0]))
    return tuple(asked[:: -(-len(asked) // _MOST_EDITED)]) if asked else ()
