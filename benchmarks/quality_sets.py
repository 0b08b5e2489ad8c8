"""Public sets that retrieval is measured on, as corpora of files and questions with what is known to be right.

All of them are read from the shared benchmark data beside the repository; every folder there has a README with source
and licence. The questions of a set are split in two halves by a checksum of their id: constants were chosen on the
``tune`` half, results are reported on the ``report`` half.
"""

from __future__ import annotations

import json
import shutil
import zlib
from pathlib import Path
from typing import Any

import msgspec

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
LANGUAGES = ("en", "zh")
# The one text of the chunking set that a third party published figures for.
_SPEECH = "state_of_the_union.md"


class Gold(msgspec.Struct, frozen=True):
    """One place that answers a question.

    Attributes:
        source: path of the file below the corpus folder.
        page: 1-based page of it; None where the whole file is meant.
        start: first code point of the evidence in the file as the set gives it.
        end: one past the last; 0 where the whole file or page is meant.
    """

    source: str
    page: int | None = None
    start: int = 0
    end: int = 0


class Question(msgspec.Struct, frozen=True):
    """A question and where its answer stands."""

    id: str
    text: str
    gold: tuple[Gold, ...]

    @property
    def half(self) -> str:
        """``tune`` or ``report``."""
        return "tune" if zlib.crc32(self.id.encode()) % 2 == 0 else "report"


class Group(msgspec.Struct, frozen=True):
    """Questions that are asked of one corpus and averaged together."""

    name: str
    questions: tuple[Question, ...]


class Corpus(msgspec.Struct, frozen=True):
    """Files to ingest, and what is asked of them.

    Attributes:
        name: also the name of its workspace folder.
        unit: what is retrieved: ``document``, ``page`` or ``span``.
        files: text, or path of the file to copy, by path below the corpus folder.
        groups: the questions.
    """

    name: str
    unit: str
    files: dict[str, str | Path]
    groups: tuple[Group, ...]

    def write(self, folder: Path) -> None:
        """Write the files."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                shutil.copyfile(content, path)
            else:
                path.write_bytes(content.encode())


def records(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON-lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def xquad() -> list[Corpus]:
    """XQuAD, every paragraph a document.

    One language; across languages; both languages of everything in one index; and an index in which every article
    stands in one of the two languages, so that a question in the other one has a single right answer among documents
    of its own language.
    """
    paragraphs = {language: _paragraphs(language) for language in LANGUAGES}
    rows = {language: records(DATA / "xquad_en_zh" / f"questions.{language}.jsonl") for language in LANGUAGES}
    corpora = []
    for kept in (("en",), ("zh",), LANGUAGES):
        files: dict[str, str | Path] = {name: text for language in kept for name, text in paragraphs[language].items()}
        groups = (_xquad_group(asked, rows[asked], kept) for asked in LANGUAGES)
        corpora.append(Corpus(f"xquad_{'_'.join(kept)}", "document", files, tuple(groups)))
    return [*corpora, _by_turns(paragraphs, rows)]


def _by_turns(paragraphs: dict[str, dict[str, str]], rows: dict[str, list[dict[str, Any]]]) -> Corpus:
    articles = list(dict.fromkeys(_article(name) for name in paragraphs["en"]))
    language_of = {article: LANGUAGES[number % 2] for number, article in enumerate(articles)}
    files: dict[str, str | Path] = {
        name: text
        for language in LANGUAGES
        for name, text in paragraphs[language].items()
        if language_of[_article(name)] == language
    }
    asked = {
        language: _xquad_group(language, rows[language], LANGUAGES, kept=set(files)).questions for language in LANGUAGES
    }
    same: list[Question] = []
    other: list[Question] = []
    for language, questions in asked.items():
        for question in questions:
            (same if question.gold[0].source.startswith(language) else other).append(question)
    groups = (
        Group("xquad by turns, same language", tuple(same)),
        Group("xquad by turns, other language", tuple(other)),
    )
    return Corpus("xquad_by_turns", "document", files, groups)


def _article(paragraph: str) -> str:
    return paragraph.split("/", 1)[1].rsplit("-", 1)[0]


def _paragraphs(language: str) -> dict[str, str]:
    found = {}
    for path in sorted((DATA / "xquad_en_zh" / language).glob("*.txt")):
        for number, text in enumerate(path.read_text(encoding="utf-8").rstrip().split("\n\n")):
            found[_paragraph_name(f"{language}/{path.name}", number)] = text.strip() + "\n"
    return found


def _paragraph_name(document: str, number: int) -> str:
    return f"{document.removesuffix('.txt')}-{number}.txt"


def _xquad_group(
    asked: str, rows: list[dict[str, Any]], languages: tuple[str, ...], kept: set[str] | None = None
) -> Group:
    questions = []
    for row in rows:
        places = [_paragraph_name(gold["doc"].split("/", 1)[1], gold["para"]) for gold in row["gold"]]
        sources = (f"{language}/{place}" for language in languages for place in places)
        gold = tuple(Gold(source) for source in sources if kept is None or source in kept)
        questions.append(Question(row["id"], row["question"], gold))
    return Group(f"xquad {asked} -> {' + '.join(languages)}", tuple(questions))


def rgb() -> list[Corpus]:
    """RGB in Chinese: the positive and negative passages of all questions pooled, every passage a document."""
    rows = records(DATA / "rgb" / "zh_refine.jsonl")
    texts = dict.fromkeys(text for row in rows for text in row["positive"] + row["negative"])
    names = {text: f"passage-{number:04d}.txt" for number, text in enumerate(texts)}
    questions = tuple(
        Question(str(row["id"]), row["query"], tuple(Gold(names[text]) for text in dict.fromkeys(row["positive"])))
        for row in rows
    )
    files: dict[str, str | Path] = {name: text + "\n" for text, name in names.items()}
    return [Corpus("rgb_zh", "document", files, (Group("rgb zh", questions),))]


def chroma() -> list[Corpus]:
    """The chunking evaluation of Chroma: one text by itself, and all texts in one index as in the report."""
    folder = DATA / "chroma_chunking"
    files: dict[str, str | Path] = {path.name: path for path in sorted((folder / "corpora").glob("*.md"))}
    asked = []
    for row in records(folder / "questions.jsonl"):
        gold = tuple(Gold(item["doc"], None, item["start"], item["end"]) for item in row["gold"])
        asked.append(Question(row["id"], row["question"], gold))
    one = {_SPEECH: files[_SPEECH]}
    about = tuple(question for question in asked if question.gold[0].source == _SPEECH)
    return [
        Corpus("chroma_speech", "span", one, (Group("chroma, one speech", about),)),
        Corpus("chroma_all", "span", files, (Group("chroma, all texts", tuple(asked)),)),
    ]


def financebench() -> list[Corpus]:
    """FinanceBench: questions of analysts over annual and quarterly reports, all of them in one index."""
    folder = DATA / "financebench"
    files: dict[str, str | Path] = {path.name: path for path in sorted((folder / "pdfs").glob("*.pdf"))}
    questions = []
    for row in records(folder / "questions.jsonl"):
        # The set counts pages from 0.
        gold = {Gold(f"{item['doc_name']}.pdf", item["evidence_page_num"] + 1) for item in row["evidence"]}
        ordered = tuple(sorted(gold, key=lambda place: place.page or 0))
        questions.append(Question(row["financebench_id"], row["question"], ordered))
    return [Corpus("financebench", "page", files, (Group("financebench", tuple(questions)),))]


SETS = {"xquad": xquad, "rgb": rgb, "chroma": chroma, "financebench": financebench}
