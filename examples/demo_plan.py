"""What the demo asks and edits: written down for the sample folder, worked out for a caller's folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HAN = re.compile(r"[\u4e00-\u9fff]")
EDITABLE = (".md", ".markdown", ".txt", ".rst")
ADDED = "This sentence was added by the demo of ragpress, on a copy of the folder."


@dataclass(frozen=True)
class Question:
    """A search.

    Attributes:
        language: as it stands in the step's heading.
        text: what is searched for.
        expected: a part of the source path that one of the best hits must have; "" for any.
    """

    language: str
    text: str
    expected: str = ""


@dataclass(frozen=True)
class Ask:
    """A question to be answered.

    Attributes:
        language: as it stands in the step's heading.
        text: the question.
        source: a part of the source path that one of the citations must have; "" for any.
        says: a text that the quoting generator's answer must have; "" for any.
        answerable: whether the documents hold an answer; None where nobody knows.
    """

    language: str
    text: str
    source: str = ""
    says: str = ""
    answerable: bool | None = True


@dataclass(frozen=True)
class Edit:
    """One edit of one paragraph.

    Attributes:
        path: the file, in the copy.
        old: text that stands there now and goes.
        new: text that takes its place.
        question: a search that finds the paragraph before and after.
        mark_old: words that a hit has before the edit.
        mark_new: words that a hit has after it only.
    """

    path: Path
    old: str
    new: str
    question: str
    mark_old: str
    mark_new: str

    def apply(self) -> None:
        """Write the edited file."""
        text = self.path.read_text(encoding="utf-8")
        self.path.write_text(text.replace(self.old, self.new, 1), encoding="utf-8")


@dataclass(frozen=True)
class Script:
    """What one demo does.

    Attributes:
        questions: searches on the first release.
        asked: questions to be answered from it.
        edit: the edit before the second release.
        share: the second run may embed at most one chunk for so many of the first run.
    """

    questions: tuple[Question, ...]
    asked: tuple[Ask, ...]
    edit: Edit
    share: int


def sample_script(folder: Path) -> Script:
    """The demo on the sample folder."""
    return Script(
        questions=(
            Question("English", "How long is the warranty of a Skylark 200?", "warranty-policy-2026"),
            Question("English, in a PDF", "What does error code E22 mean and what is the remedy?", "user-manual.pdf"),
            Question("Chinese", "教室里的二氧化碳超过多少会亮红灯？", "lark-mini/快速入门"),
        ),
        asked=(
            Ask("English", "How long is the warranty of the Lark Mini?", "warranty-policy-2026", "24 months"),
            Ask("Chinese", "云雀 200 的采样口离地高度应该是多少？", "用户手册", "2.5 米到 4 米"),
            Ask("Chinese, about an English document", "出差住宿费每晚最多报销多少？", "travel-expenses", "CNY 600"),
            Ask("English, and no document knows", "Who won the football world cup of 1998?", answerable=False),
            Ask("Chinese, and no document knows", "法国国王路易十四是哪一年出生的？", answerable=False),
        ),
        edit=Edit(
            path=folder / "sales" / "warranty-policy-2026.md",
            old="A repair takes at most 10 working days from arrival.",
            new="A repair takes at most 6 working days from arrival.",
            question="How many working days does a repair under warranty take?",
            mark_old="at most 10 working days from arrival",
            mark_new="at most 6 working days from arrival",
        ),
        share=10,
    )


def caller_script(folder: Path, documents: list[dict[str, Any]]) -> Script:
    """The demo on a caller's folder: questions from titles, an edit of its first editable text.

    Raises:
        SystemExit: no document is searchable, or none is a text file with a paragraph to edit.
    """
    live = [document for document in documents if document["state"] == "live"]
    if not live:
        raise SystemExit("No document of this folder could be read; see the reasons above.")
    titles = [_words(document["title"] or document["source"]) for document in live]
    chinese = [title for title in titles if HAN.search(title)]
    english = [title for title in titles if not HAN.search(title)]
    asked = [("Chinese", chinese[:1]), ("English", english[:1])]
    questions = tuple(Question(language, title) for language, found in asked for title in found)
    answers = tuple(Ask(question.language, question.text, answerable=None) for question in questions)
    return Script(questions, answers, _first_edit(folder, [document["source"] for document in live]), share=1)


def _words(title: str) -> str:
    """A title as a question; a file's name without its folder, extension and separators."""
    return re.sub(r"[-_\s]+", " ", re.sub(r"\.\w{1,8}$", "", title.rpartition("/")[2])).strip() or title


def _first_edit(folder: Path, live: list[str]) -> Edit:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() in EDITABLE)
    for path in files:
        sentence = _sentence(path) if any(path.name in source for source in live) else ""
        if sentence:
            question = f"{sentence[-100:]} {ADDED}"
            return Edit(path, sentence, f"{sentence} {ADDED}", question, mark_old=sentence[-12:], mark_new=ADDED)
    raise SystemExit(f"No file of this folder ends in {', '.join(EDITABLE)} and has a sentence to edit.")


def _sentence(path: Path) -> str:
    """The first line of prose that stands once in a UTF-8 file; "" when there is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""
    lines = (line.strip() for line in text.splitlines())
    prose = (line for line in lines if len(line) >= 40 and line[0].isalpha() and text.count(line) == 1)
    return next(prose, "")
