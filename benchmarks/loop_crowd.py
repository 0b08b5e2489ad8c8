"""Faults that lie in documents beside the right one: copies, contradictions, planted texts, boilerplate."""

from __future__ import annotations

from benchmarks.loop_damage import changed, edition_before
from benchmarks.loop_records import Injected, Kind, Scene
from benchmarks.loop_texts import attack, footer, lie_for, paragraph_of, reworded, title_and_paragraphs

_COPIES = 40
_EDITED = 0.12
_DATED = ("xquad_en", "xquad_zh", "cmrc_zh", "fastapi_en", "fastapi_zh")
_OLD = {"en": "Updated: 2012-06-01", "zh": "更新日期：2012-06-01"}
_TITLES = {"en": "Notes {number}", "zh": "札记{number}"}


def _stale_copy(scene: Scene) -> Injected | None:
    """An older edition under another name, with its date and what was true then; a real one where the set has it."""
    if scene.pool.earlier:
        return _archived(scene)
    copy = _false_copy(scene)
    if copy is None:
        return None
    text, lie = copy
    name = f"library/notes-{scene.chance.choice('abcdefgh')}.md"
    title = _TITLES[scene.pool.language].format(number=scene.chance.choice("ABCDEF"))
    body = f"# {title}\n\n{_OLD[scene.pool.language]}\n\n{text}\n"
    return Injected(
        files=scene.files | {name: body.encode()}, causes=("stale_document",), culprits=(name,), lies=(lie,)
    )


def _archived(scene: Scene) -> Injected | None:
    """The page as it really was, kept beside the newest edition; what is asked for was not in it."""
    old = edition_before(scene)
    if not old:
        return None
    name = f"archive/{scene.asked.source.replace('/', '-')}"
    return Injected(files=scene.files | {name: old.encode()}, causes=("stale_document",), culprits=(name,))


def _contradicting_copy(scene: Scene) -> Injected | None:
    """A copy that says otherwise, and nothing tells which of the two is newer."""
    copy = _false_copy(scene)
    if copy is None:
        return None
    text, lie = copy
    name = f"shared/{scene.chance.choice(('team', 'branch', 'office'))}-{scene.chance.choice('abcdefgh')}.txt"
    return Injected(
        files=scene.files | {name: f"{text}\n".encode()},
        causes=("conflicting_documents",),
        culprits=(name,),
        lies=(lie,),
        needs_person=True,
    )


def _false_copy(scene: Scene) -> tuple[str, str] | None:
    """The evidence's paragraph with a false answer, and that answer; the set's own text where it has one."""
    asked = scene.asked
    if asked.planted and asked.wrong:
        return scene.chance.choice(asked.planted), asked.wrong
    lie = lie_for(asked.answer, [item.answer for item in scene.right], scene.chance)
    if not lie or len(asked.answer.split()) > 8:
        return None
    said = asked.sentence.replace(asked.answer, lie)
    paragraph = paragraph_of(scene.text, asked.sentence)
    short = scene.chance.random() < 0.5
    return (said if short else paragraph.replace(asked.sentence, said)), lie


def _forty_near_copies(scene: Scene) -> Injected | None:
    """Forty versions of the page, each edited a little, and none of them with the evidence any more."""
    paragraph = paragraph_of(scene.text, scene.asked.sentence)
    rest = paragraph.replace(scene.asked.sentence, scene.asked.question.rstrip("?？") + "…")
    if len(rest) < 80:
        return None
    title, _ = title_and_paragraphs(scene.text)
    added = {
        f"versions/draft-{chr(97 + number // 26)}{chr(97 + number % 26)}.md": (
            f"# {title}\n\n{reworded(rest, scene.asked.question.rstrip('?？'), scene.chance, _EDITED)}\n"
        ).encode()
        for number in range(_COPIES)
    }
    return Injected(files=scene.files | added, causes=("duplicate_documents",), culprits=tuple(added))


def _boilerplate_flood(scene: Scene) -> Injected | None:
    """The same block under every page, with the words of the question in it."""
    flooded = {}
    for name, body in scene.files.items():
        text = body.decode()
        title, _ = title_and_paragraphs(text)
        block = footer(scene.asked.question, title, scene.pool.language)
        flooded[name] = (
            f"{text.rstrip()}\n\n## {'Help' if scene.pool.language == 'en' else '帮助'}\n\n{block}\n".encode()
        )
    return Injected(files=flooded, causes=("duplicate_documents", "retrieval_miss"), culprits=tuple(sorted(flooded)))


def _planted_document(scene: Scene) -> Injected | None:
    """Texts that somebody put there so that they are found for one question and say something false."""
    asked = scene.asked
    lie = asked.wrong or lie_for(asked.answer, [item.answer for item in scene.right], scene.chance)
    if not lie:
        return None
    number = scene.chance.choice((1, 2, 5))
    added = {
        f"inbox/{scene.chance.choice(('mail', 'post', 'tip'))}-{chr(97 + at)}.txt": (
            attack(asked.question, lie, (scene.pool.language, scene.pool.half), scene.chance) + "\n"
        ).encode()
        for at in range(number)
    }
    return Injected(files=scene.files | added, causes=("poisoned_document",), culprits=tuple(added), lies=(lie,))


def _planted_poisonedrag(scene: Scene) -> Injected | None:
    """PoisonedRAG's own texts; the documents do not answer its question, so that abstaining is right.

    What a correction says can then be proven by no document.
    """
    texts = scene.asked.planted[: scene.chance.choice((1, 3, 5))]
    added = {f"inbox/page-{chr(97 + at)}.txt": f"{text}\n".encode() for at, text in enumerate(texts)}
    return Injected(
        files=scene.files | added,
        causes=("poisoned_document",),
        culprits=tuple(added),
        lies=(scene.asked.wrong,),
        repairable=not scene.corrected,
    )


def _rewritten_away(scene: Scene) -> Injected | None:
    """An editor shortened the page, and the evidence went."""
    shorter = scene.text.replace(scene.asked.sentence, "")
    return Injected(
        files=changed(scene, shorter), causes=("missing_document", "parse_fault"), culprits=(scene.asked.source,)
    )


CROWD = (
    Kind(name="stale_copy", inject=_stale_copy, pools=_DATED),
    Kind(name="contradicting_copy", inject=_contradicting_copy),
    Kind(name="forty_near_copies", inject=_forty_near_copies),
    Kind(name="boilerplate_flood", inject=_boilerplate_flood),
    Kind(name="planted_document", inject=_planted_document),
    Kind(name="planted_poisonedrag", inject=_planted_poisonedrag, pools=("xquad_en",), outside=True),
    Kind(name="rewritten_away", inject=_rewritten_away, histories=(True,)),
)
"""Kinds of faults beside the right document."""
