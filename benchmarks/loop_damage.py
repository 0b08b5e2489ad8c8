"""Faults that lie in a document: it was damaged, cut, replaced, removed or shut away."""

from __future__ import annotations

import re

from benchmarks.loop_pool import folded
from benchmarks.loop_records import Injected, Kind, Scene
from benchmarks.loop_texts import (
    lie_for,
    other_figures,
    page_html,
    paragraph_html,
    paragraph_of,
    scanned,
    table_html,
    title_and_paragraphs,
)
from index.repairs.records import Quarantine

_HEAVY, _LIGHT = 0.35, 0.03
_GARBAGE = 1.6
_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"[A-Za-z]{5,}|[\u4e00-\u9fff]{2,4}")


def changed(scene: Scene, text: str) -> dict[str, bytes]:
    """The files with other text in the document that answers."""
    return scene.files | {scene.asked.source: text.encode()}


def without(scene: Scene) -> dict[str, bytes]:
    """The files without the document that answers."""
    return {name: body for name, body in scene.files.items() if name != scene.asked.source}


def edition_before(scene: Scene) -> str:
    """The document's older edition that really was in use; "" where there is none, or where it gives the answer too."""
    old = scene.pool.earlier.get(scene.asked.source, "")
    return "" if folded(scene.asked.answer) in folded(old) else old


def _ocr_noise(scene: Scene) -> Injected | None:
    sentence, text = scene.asked.sentence, scene.text
    paragraph = paragraph_of(text, sentence)
    before, after = paragraph.split(sentence, 1)
    noisy = scanned(sentence, scene.chance, _HEAVY)
    if scene.asked.answer in noisy:
        noisy = noisy.replace(scene.asked.answer, scanned(scene.asked.answer, scene.chance, 0.9))
    page = scanned(before, scene.chance, _LIGHT) + noisy + scanned(after, scene.chance, _LIGHT)
    return Injected(
        files=changed(scene, text.replace(paragraph, page)),
        causes=("parse_fault",),
        culprits=(scene.asked.source,),
        repairable=scene.history,
    )


def _truncated(scene: Scene) -> Injected | None:
    """An upload that broke off: the file ends before the evidence does."""
    at = scene.text.index(scene.asked.sentence)
    if at < 200:
        return None
    end = at + scene.chance.randrange(4, 12)
    return Injected(
        files=changed(scene, scene.text[:end]),
        causes=("parse_fault", "missing_document"),
        culprits=(scene.asked.source,),
        repairable=scene.history,
    )


def _truncated_parse(scene: Scene) -> Injected | None:
    """A web page with something that is opened and never closed: the parser reads only what stands before it."""
    _, paragraphs = title_and_paragraphs(scene.plain)
    opened = scene.chance.choice(("<!-- end of section", '<div style="display:none">', "<script>"))
    at = next((number for number, part in enumerate(paragraphs) if scene.asked.sentence in part), None)
    if at is None:
        return None
    inner = [paragraph_html(part) for part in paragraphs]
    text = page_html(scene.plain, "\n".join([*inner[:at], opened, *inner[at:]]))
    return Injected(files=changed(scene, text), causes=("parse_fault",), culprits=(scene.asked.source,))


def _lost_table(scene: Scene) -> Injected | None:
    """A page whose evidence stands in a table that is shown by a script, or inside what is taken for navigation."""
    plain = scene.plain
    _, paragraphs = title_and_paragraphs(plain)
    held = [part for part in paragraphs if scene.asked.sentence in part]
    if not held:
        return None
    table = table_html([held[0]], scene.chance.choice((" hidden", ' style="display: none"')))
    if scene.chance.random() < 0.5:
        table = f"<nav>{table_html([held[0]])}</nav>"
    inner = [table if part == held[0] else paragraph_html(part) for part in paragraphs]
    text = page_html(plain, "\n".join(inner))
    return Injected(files=changed(scene, text), causes=("parse_fault",), culprits=(scene.asked.source,))


def _wrong_encoding(scene: Scene) -> Injected | None:
    """A file pieced together from two encodings: the paragraph with the evidence is in the other one."""
    text = scene.text
    paragraph = paragraph_of(text, scene.asked.sentence)
    before, after = text.split(paragraph, 1)
    codec = "gb18030" if scene.pool.language == "zh" else scene.chance.choice(("cp500", "cp273"))
    body = before.encode() + paragraph.encode(codec, "replace") + after.encode()
    return Injected(
        files=scene.files | {scene.asked.source: body},
        causes=("parse_fault",),
        culprits=(scene.asked.source,),
        repairable=scene.history,
    )


def _over_eager_cleaning(scene: Scene) -> Injected | None:
    """A rule that was meant for another line takes the paragraph with the evidence."""
    lines = [line for body in scene.files.values() for line in body.decode().splitlines() if line.strip()]
    held = [line for line in scene.text.splitlines() if scene.asked.sentence in line]
    words = [word for word in _WORD.findall(held[0]) if sum(word in line for line in lines) <= 2] if held else []
    if not words:
        return None
    pattern = f"^.*{scene.chance.choice(words)}.*$"
    return Injected(
        files=scene.files,
        causes=("parse_fault",),
        culprits=(scene.asked.source,),
        settings={"clean": {"drop_patterns": [pattern]}},
    )


def _swapped_numbers(scene: Scene) -> Injected | None:
    """The right figure was misread, or mistyped, in the document itself."""
    answer, sentence = scene.asked.answer, scene.asked.sentence
    if not _DIGIT.search(answer) or len(answer) > 24:
        return None
    lie = other_figures(answer, scene.chance)
    return Injected(
        files=changed(scene, scene.text.replace(sentence, sentence.replace(answer, lie))),
        causes=("parse_fault",),
        culprits=(scene.asked.source,),
        repairable=scene.history,
        lies=(lie,),
    )


def _deleted(scene: Scene) -> Injected | None:
    return Injected(
        files=without(scene), causes=("missing_document",), culprits=(scene.asked.source,), needs_person=True
    )


def _never_there(scene: Scene) -> Injected | None:
    return Injected(files=without(scene), causes=("missing_document", "not_answerable"), repairable=False)


def _swapped_translation(scene: Scene) -> Injected | None:
    """Under the document's name stands another article, in the other language."""
    other = scene.chance.choice(scene.pool.foreign)
    return Injected(
        files=changed(scene, other), causes=("missing_document", "parse_fault"), culprits=(scene.asked.source,)
    )


def _quarantined_by_audit(scene: Scene) -> Injected | None:
    """A new scan under a new name: most of it is noise, and the audit takes the whole of it."""
    name = f"scans/{scene.asked.source.replace('/', '-')}"
    noise = "".join(scene.chance.choice("ÃÂ¤¢€œ~^|¬¦§ï»¿Ã© ") for _ in range(int(_GARBAGE * len(scene.text)) + 400))
    lines = "\n".join(noise[at : at + 90] for at in range(0, len(noise), 90))
    files = without(scene) | {name: f"{scene.text}\n\n{lines}\n".encode()}
    gone = (scene.asked.source,) if scene.history else ()
    return Injected(files=files, causes=("quarantined_document",), culprits=(name, *gone))


def _quarantined_by_person(scene: Scene) -> Injected | None:
    repair = Quarantine(
        collection="default",
        source=f"docs/{scene.asked.source}",
        reason="looked wrong at the time",
        by="editor",
        at="2026-01-05T09:00:00+00:00",
    )
    return Injected(
        files=scene.files,
        causes=("quarantined_document",),
        culprits=(scene.asked.source,),
        repairs=(repair,),
        needs_person=True,
    )


def _stale_itself(scene: Scene) -> Injected | None:
    """Somebody put an older edition back, with its date and what was true then; a real one where the set has it."""
    if scene.pool.earlier:
        real = edition_before(scene)
        damage = Injected(files=changed(scene, real), causes=("stale_document",), culprits=(scene.asked.source,))
        return damage if real else None
    answer, sentence = scene.asked.answer, scene.asked.sentence
    lie = scene.asked.wrong or lie_for(answer, [item.answer for item in scene.right], scene.chance)
    if not lie or "2024-03-05" not in scene.text:
        return None
    old = scene.text.replace("2024-03-05", "2012-06-01").replace(sentence, sentence.replace(answer, lie))
    return Injected(files=changed(scene, old), causes=("stale_document",), culprits=(scene.asked.source,), lies=(lie,))


_DATED = ("xquad_en", "xquad_zh", "cmrc_zh", "fastapi_en", "fastapi_zh")
DAMAGE = (
    Kind(name="ocr_noise", inject=_ocr_noise),
    Kind(name="truncated", inject=_truncated),
    Kind(name="truncated_parse", inject=_truncated_parse, variant="html"),
    Kind(name="lost_table", inject=_lost_table, variant="html"),
    Kind(name="wrong_encoding", inject=_wrong_encoding),
    Kind(name="over_eager_cleaning", inject=_over_eager_cleaning),
    Kind(name="swapped_numbers", inject=_swapped_numbers),
    Kind(name="deleted_document", inject=_deleted, histories=(True,)),
    Kind(name="never_there", inject=_never_there, histories=(False,)),
    Kind(name="swapped_translation", inject=_swapped_translation, histories=(True,)),
    Kind(name="quarantined_by_audit", inject=_quarantined_by_audit),
    Kind(name="quarantined_by_person", inject=_quarantined_by_person),
    Kind(name="stale_itself", inject=_stale_itself, histories=(True,), pools=_DATED),
)
"""Kinds of faults in one document."""
