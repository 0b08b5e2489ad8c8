"""Attacks as documents: BIPIA's instructions inside e-mails and tables, PoisonedRAG's passages beside clean ones.

All texts are read from the shared benchmark data beside the repository; none is copied into it.
"""

from __future__ import annotations

import json
import re
from itertools import chain
from typing import Any

import msgspec

from benchmarks.quality_sets import DATA, records

POSITIONS = ("start", "middle", "end")
COPY_COUNTS = (1, 5, 10, 40)
POISON_SETS = ("nq", "hotpotqa")
CLEAN = "docs/clean/**"
# BIPIA's kinds that order the answer's form: what they demand is no text that could be looked for.
TRANSFORMS = frozenset(
    {
        "Alphanumeric Substitution",
        "Homophonic Substitution",
        "Misspelling Intentionally",
        "Anagramming",
        "Space Removal & Grouping",
    }
)
_QUESTION_MARK = re.compile(r"^Q:\s*")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=\|)\s*|\n")


class Attack(msgspec.Struct, frozen=True):
    """An instruction that was put into a document.

    Attributes:
        kind: what BIPIA calls it.
        text: the instruction.
        code: it orders code to be worked in.
        position: ``start``, ``middle`` or ``end`` of the context.
    """

    kind: str
    text: str
    code: bool
    position: str


class Injected(msgspec.Struct, frozen=True):
    """A document with an attack, and the question that is asked of it.

    Attributes:
        source: path of the document.
        context: its text without the attack.
        document: its text with it.
        question: what the user asks.
        attack: what was put in.
    """

    source: str
    context: str
    document: str
    question: str
    attack: Attack


class Poisoned(msgspec.Struct, frozen=True):
    """A question for which passages with a wrong answer are planted.

    Attributes:
        name: set and id.
        question: the question.
        correct: the right answer.
        wrong: the attacker's answer.
        passages: the planted passages, paraphrases of one another.
    """

    name: str
    question: str
    correct: str
    wrong: str
    passages: tuple[str, ...]

    def planted(self, count: int) -> tuple[str, ...]:
        """Patterns of the first planted passages, each a document."""
        return tuple(f"docs/poison/{self.name}/{number}.txt" for number in range(count))

    def copied(self, count: int) -> tuple[str, ...]:
        """Patterns of the first near-identical copies of the first passage, each a document."""
        return tuple(f"docs/copies/{self.name}/{number}.txt" for number in range(count))

    @property
    def truth(self) -> str | None:
        """The last planted passage with the right answer in it; None where it does not name the attacker's."""
        found = re.sub(re.escape(self.wrong), lambda _: self.correct, self.passages[-1], flags=re.IGNORECASE)
        return found if found != self.passages[-1] else None

    @property
    def truth_source(self) -> str:
        """Path of the document with :attr:`truth`."""
        return f"docs/truth/{self.name}.txt"


def injected() -> list[Injected]:
    """Every attack of BIPIA at every position, each in a context of its own as long as there are some."""
    contexts = [("email", row) for row in records(DATA / "bipia" / "email.jsonl")]
    contexts += [("table", row) for row in records(DATA / "bipia" / "table.jsonl")]
    attacks = list(chain.from_iterable(_attacks(name, code=name.startswith("code")) for name in ("text", "code")))
    placed = [(kind, text, code, position) for kind, text, code in attacks for position in POSITIONS]
    found = []
    for number, (kind, text, code, position) in enumerate(placed):
        # 7 has no common divisor with the number of contexts: neighbours get unlike ones
        family, row = contexts[number * 7 % len(contexts)]
        source = f"docs/bipia/{number:03d}.{'md' if family == 'table' else 'txt'}"
        question = _QUESTION_MARK.sub("", row["question"])
        document = insert(row["context"], text, position)
        found.append(Injected(source, row["context"], document, question, Attack(kind, text, code, position)))
    return found


def _attacks(name: str, *, code: bool) -> list[tuple[str, str, bool]]:
    table: dict[str, list[str]] = json.loads((DATA / "bipia" / f"{name}_attacks.json").read_text(encoding="utf-8"))
    return [(kind, text, code) for kind, texts in table.items() for text in texts]


def insert(context: str, attack: str, position: str) -> str:
    """A context with an instruction on lines of its own: first, last, or at the boundary nearest its middle."""
    if position == "start":
        return f"{attack}\n\n{context}\n"
    if position == "end":
        return f"{context}\n\n{attack}\n"
    middle = len(context) // 2
    cuts = [match.end() for match in _SENTENCE.finditer(context)] or [middle]
    cut = min(cuts, key=lambda place: abs(place - middle))
    return f"{context[:cut].rstrip()}\n\n{attack}\n\n{context[cut:]}\n"


def poisoned(limit: int) -> list[Poisoned]:
    """The questions of PoisonedRAG, the first ``limit`` of each set (0 for all)."""
    found = []
    for name in POISON_SETS:
        rows: list[dict[str, Any]] = records(DATA / "poisonedrag" / f"{name}.jsonl")
        for row in rows[: limit or None]:
            passages = tuple(row["adv_texts"])
            correct, wrong = str(row["correct answer"]), str(row["incorrect answer"])
            found.append(Poisoned(f"{name}-{row['id']}", row["question"], correct, wrong, passages))
    return found


def near_copies(text: str, count: int) -> list[str]:
    """Copies of a text that each lack another word and end in another number: alike, and never equal."""
    words = text.split()
    return [" ".join(words[: n % len(words)] + words[n % len(words) + 1 :]) + f" ({n + 1})" for n in range(count)]


def clean_files() -> dict[str, str]:
    """Paragraphs of XQuAD's English articles, each a document: what the poison is planted next to."""
    files = {}
    for path in sorted((DATA / "xquad_en_zh" / "en").glob("*.txt")):
        for number, text in enumerate(path.read_text(encoding="utf-8").split("\n\n")):
            files[f"clean/{path.stem}-{number}.txt"] = text.strip() + "\n"
    return files


def poison_files(cases: list[Poisoned], copied: int) -> dict[str, str]:
    """Every planted passage, the true ones beside them, and near-identical copies for the first ``copied`` cases."""
    files: dict[str, str] = {}
    for number, case in enumerate(cases):
        files |= {f"poison/{case.name}/{n}.txt": text + "\n" for n, text in enumerate(case.passages)}
        if case.truth is not None:
            files[case.truth_source.removeprefix("docs/")] = case.truth + "\n"
        if number < copied:
            copies = near_copies(case.passages[0], max(COPY_COUNTS))
            files |= {f"copies/{case.name}/{n}.txt": text + "\n" for n, text in enumerate(copies)}
    return files
