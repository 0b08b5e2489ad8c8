"""Questions that a served model writes about chunks. What it writes is checked strictly: nothing of it is trusted.

A question is kept only if its quote stands in the chunk word for word, the quote supports the answer, and the question
is one that a user could ask: in the document's language, without the answer, not speaking of "the passage".
"""

from __future__ import annotations

import asyncio
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple

import msgspec

from evaluation.generate.drafting import normalised
from evaluation.generate.reading import Shelf
from evaluation.generate.records import CHINESE, MODEL, Draft, GenerateRequest, ModelUse, Reading
from evaluation.model_judge.client import JsonModel, Reply
from index.environment import Environment
from index.opened import OpenRelease
from ragpress.answer_settings import GeneratorSettings
from ragpress.errors import GeneratorError, SettingsError
from ragpress.fingerprint import hexdigest
from ragpress.settings import secret
from ragpress.storage.record_ids import new_record_id
from serving.evidence.numbers import missing_numbers, numbers_claimed, numbers_held
from serving.evidence.support import SupportChecker
from serving.language import answer_language, language_name
from serving.prompting import as_data, delimiter_of, without_hidden
from serving.types import Turn

KIND = "model"
PER_CHUNK = 2
"""Questions that are asked for about one chunk."""

_ASKED_PER_CASE = 2
_LEAST_CHUNK = 120
_MAX_TOKENS = 600
_QUESTION, _ANSWER, _QUOTE = (8, 240), (1, 300), (8, 600)
_SHORTEST_ZH = 6
# As the check of answers has it: from this score on a sentence counts as supported ([answer] support).
_SUPPORTED = 0.38
_LEAKS = re.compile(
    r"\b(?:the|this|above|given|provided) (?:passage|text|document|excerpt|paragraph|section|context|sentence|quote)\b|"
    r"\baccording to (?:the|this) \w+\b|\bmentioned (?:above|here)\b|"
    r"(?:这|该|本|上|以上)(?:段|篇|文|文章|文档|文本|段落|节)|(?:文中|上文|原文|本文|段落中|文档中)",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")

SCHEMA = {
    "type": "object",
    "properties": {
        "cases": {
            "type": "array",
            "maxItems": PER_CHUNK,
            "items": {
                "type": "object",
                "properties": {
                    "question": {"type": "string", "maxLength": _QUESTION[1]},
                    "answer": {"type": "string", "maxLength": _ANSWER[1]},
                    "quote": {"type": "string", "maxLength": _QUOTE[1]},
                },
                "required": ["question", "answer", "quote"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["cases"],
    "additionalProperties": False,
}


class Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One question as the model wrote it."""

    question: str
    answer: str
    quote: str


class _Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    cases: list[Written]


class Chunk(NamedTuple):
    """A piece of a document to ask about: where it stands, and the heading above it."""

    reading: Reading
    start: int
    end: int
    heading: str

    @property
    def text(self) -> str:
        """Its words."""
        return self.reading.text[self.start : self.end]


class ModelPrompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the model is told: ``system``, and ``question`` with its placeholders."""

    system: str
    question: str

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal characters that change with every word."""
        return hexdigest("question writer", self.system, self.question)

    def messages(self, chunk: Chunk, delimiter: str) -> tuple[Turn, ...]:
        """The messages about one chunk, whose words are data."""
        values = {
            "count": str(PER_CHUNK),
            "language": language_name(chunk.reading.language),
            "delimiter": delimiter,
            "title": _one_line(chunk.reading.title or chunk.reading.source, delimiter),
            "heading": _one_line(chunk.heading, delimiter),
            "text": as_data(chunk.text, delimiter),
        }
        body = _PLACEHOLDER.sub(lambda match: values[match[1]], self.question)
        return (Turn("system", self.system.strip()), Turn("user", body.strip()))


def load_model_prompt() -> ModelPrompt:
    """The prompt that ships with ragpress."""
    text = files("evaluation.generate").joinpath("model_prompt.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), ModelPrompt)


def model_drafts(
    environment: Environment, release: OpenRelease, shelf: Shelf, request: GenerateRequest
) -> tuple[list[Draft], ModelUse, dict[str, int]]:
    """Let the served model of the settings write questions.

    Args:
        environment: the outside.
        release: the release.
        shelf: its documents.
        request: what to generate.

    Returns:
        The drafts in the order in which the chunks were drawn, what the model did, and dropped questions by reason.

    Raises:
        SettingsError: neither [generator] nor [judge] names a server.
        GeneratorError: the server cannot say which model it has.
    """
    served = _settings(environment, request.collection)
    wanted = request.count - round(request.count * request.unanswerable)
    chunks = drawn(release, shelf, request.seed)[: wanted * _ASKED_PER_CASE]
    concurrency = environment.workspace.collection(request.collection).evaluation.concurrency
    model = JsonModel(served, secret(served.api_key_env))
    return asyncio.run(_written(model, chunks, concurrency, request.seed))


def drawn(release: OpenRelease, shelf: Shelf, seed: int) -> list[Chunk]:
    """The chunks that may be asked about, documents taking turns, in an order that the seed decides."""
    per_document = []
    for reading in shelf.readings:
        rows = release.chunk_rows(release.document(reading.document_id)).select(["start", "end", "heading", "kind"])
        chunks = [
            Chunk(reading, row["start"], row["end"], " > ".join(row["heading"] or ()))
            for row in rows.to_pylist()
            if row["kind"] != "code" and row["end"] - row["start"] >= _LEAST_CHUNK
        ]
        per_document.append(sorted(chunks, key=lambda chunk: hexdigest(seed, chunk.reading.source, chunk.start)))
    per_document.sort(key=lambda chunks: hexdigest(seed, chunks[0].reading.source) if chunks else "")
    longest = max(map(len, per_document), default=0)
    return [chunks[turn] for turn in range(longest) for chunks in per_document if turn < len(chunks)]


def checked(written: Written, chunk: Chunk) -> Draft | str:
    """A draft of what the model wrote, or why it cannot be used, in few words."""
    question = " ".join(written.question.split())
    answer = " ".join(written.answer.split())
    if reason := _unfit(question, answer, chunk.reading.language):
        return reason
    place = find_quote(written.quote, chunk.text)
    if place is None:
        return "quote is not in the chunk"
    start, end = chunk.start + place[0], chunk.start + place[1]
    quote = chunk.reading.text[start:end]
    if not is_supported(answer, quote):
        return "answer is not supported by the quote"
    return Draft(
        question=question, answer=answer, start=start, end=end, kind=KIND, reading=chunk.reading, titled=False,
        about=question, origin=MODEL,
    )  # fmt: skip


def find_quote(quote: str, text: str) -> tuple[int, int] | None:
    """Where a text has the words of a quote, whatever white space and width of characters; None where it has not."""
    wanted, _ = _folded(quote)
    have, places = _folded(text)
    at = have.find(wanted) if len(wanted) >= _QUOTE[0] else -1
    if at < 0 or len(quote) > _QUOTE[1]:
        return None
    return places[at], places[at + len(wanted) - 1] + 1


def is_supported(answer: str, quote: str) -> bool:
    """Whether a quote states an answer: literally, or by its words with every number."""
    if normalised(answer) in normalised(quote):
        return True
    if missing_numbers(numbers_claimed(answer), numbers_held(quote)):
        return False
    return SupportChecker(None).support([answer], [[quote]])[0] >= _SUPPORTED


def _unfit(question: str, answer: str, language: str) -> str:  # noqa: PLR0911 - one way out per rule
    shortest = _SHORTEST_ZH if language == CHINESE else _QUESTION[0]
    if not shortest <= len(question) <= _QUESTION[1] or not question.endswith(("?", "？")):
        return "no question of a fitting length"
    if not _ANSWER[0] <= len(answer) <= _ANSWER[1] or not normalised(answer):
        return "no answer of a fitting length"
    if without_hidden(question + answer) != question + answer:
        return "hidden characters"
    if _LEAKS.search(question):
        return "speaks of the passage"
    if answer_language(question) != language:
        return "another language than the document's"
    if normalised(answer) in normalised(question):
        return "question holds the answer"
    return ""


async def _written(
    model: JsonModel, chunks: Sequence[Chunk], concurrency: int, seed: int
) -> tuple[list[Draft], ModelUse, dict[str, int]]:
    prompt, limit = load_model_prompt(), asyncio.Semaphore(concurrency)

    async def ask(chunk: Chunk) -> Reply | GeneratorError:
        async with limit:
            try:
                messages = prompt.messages(chunk, delimiter_of(new_record_id()))
                return await model.ask(messages, "cases", SCHEMA, seed)
            except GeneratorError as error:
                return error

    try:
        name = await model.name()
        replies = await asyncio.gather(*(ask(chunk) for chunk in chunks))
    finally:
        await model.aclose()
    dropped: Counter[str] = Counter()
    drafts = [draft for chunk, reply in zip(chunks, replies, strict=True) for draft in _read(reply, chunk, dropped)]
    good = [reply for reply in replies if isinstance(reply, Reply)]
    use = ModelUse(
        name=name,
        prompt=f"question writer@{prompt.fingerprint}",
        asked=len(chunks),
        failed=dict(Counter(type(reply).__name__ for reply in replies if isinstance(reply, GeneratorError))),
        prompt_tokens=sum(reply.prompt_tokens or 0 for reply in good),
        completion_tokens=sum(reply.completion_tokens or 0 for reply in good),
    )
    origin = f"{MODEL}:{name}@{prompt.fingerprint[:12]}"
    return [msgspec.structs.replace(draft, origin=origin) for draft in drafts], use, dict(dropped)


def _read(reply: Reply | GeneratorError, chunk: Chunk, dropped: Counter[str]) -> Iterable[Draft]:
    """What can be used of one reply; the rest is counted."""
    if isinstance(reply, GeneratorError):
        dropped["model: server failed"] += 1
        return
    if not reply.whole:
        dropped["model: reply cut off"] += 1
        return
    try:
        written = msgspec.json.decode(reply.text.strip().encode("utf-8", "surrogatepass"), type=_Reply).cases
    except (msgspec.DecodeError, UnicodeDecodeError):
        dropped["model: reply is not the JSON that was asked for"] += 1
        return
    for one in written[:PER_CHUNK]:
        draft = checked(one, chunk)
        if isinstance(draft, str):
            dropped[f"model: {draft}"] += 1
        else:
            yield draft


def _folded(text: str) -> tuple[str, list[int]]:
    """A text without white space and width of characters, and the place of each of its characters in the text."""
    characters, places = [], []
    for place, char in enumerate(text):
        for folded in unicodedata.normalize("NFKC", char):
            if not folded.isspace():
                characters.append(folded)
                places.append(place)
    return "".join(characters), places


def _one_line(text: str, delimiter: str) -> str:
    return " ".join(as_data(text, delimiter).replace('"', "'").split())[:200]


def _settings(environment: Environment, collection: str) -> GeneratorSettings:
    settings = environment.workspace.collection(collection)
    changes: Mapping[str, object] = {"max_tokens": _MAX_TOKENS}
    if settings.generator.base_url:
        return msgspec.structs.replace(settings.generator, **changes)
    if settings.judge.base_url:
        judge = settings.judge
        return GeneratorSettings(
            kind="openai",
            base_url=judge.base_url,
            model=judge.model,
            api_key_env=judge.api_key_env,
            seconds=judge.seconds,
            max_tokens=_MAX_TOKENS,
        )
    raise SettingsError(
        "--model needs a served model: expected base_url in [generator] (or in [judge]), found none. For example "
        'base_url = "http://127.0.0.1:8000/v1"; without --model, templates write the questions.'
    )
