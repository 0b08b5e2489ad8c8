"""Faults that lie in settings, rights, prompts and models; and complaints about answers that are right."""

from __future__ import annotations

from benchmarks.loop_model import BROKEN, FORGETFUL, KIND
from benchmarks.loop_records import Injected, Kind, Scene
from ragpress.prompts import built_in_text

_RULE = "1. Use only what the passages say."


def _chunk_cut(scene: Scene) -> Injected | None:
    size = scene.chance.choice((16, 24))
    return Injected(
        files=scene.files,
        causes=("chunk_fault",),
        settings={"chunk": {"max_tokens": size, "min_tokens": 4}, "context": {"neighbours": 0}},
        anywhere=True,
        needs_person=True,
    )


def _wrong_access_rule(scene: Scene) -> Injected | None:
    """A rule that hides the page. No kind of repair changes a rule: the finding names it for whoever may."""
    return Injected(
        files=scene.files,
        causes=("access_denied",),
        culprits=(scene.asked.source,),
        settings={"access": {"rules": {f"docs/{scene.asked.source}": ["board"]}}},
        repairable=False,
        needs_person=True,
    )


def _broken_prompt(scene: Scene) -> Injected | None:
    added = scene.chance.choice(sorted(BROKEN.values()))
    return Injected(
        files=scene.files,
        causes=("prompt_fault",),
        prompt=built_in_text().replace(_RULE, f"{_RULE} {added}"),
        settings={"answer": {"prompt": "hasty"}},
        anywhere=True,
        needs_person=True,
    )


def _forgetful_model(scene: Scene) -> Injected | None:
    return Injected(
        files=scene.files,
        causes=("generation_fault",),
        settings={"generator": {"kind": KIND, "model": FORGETFUL}},
        anywhere=True,
        repairable=False,
    )


def _embedder_without_prefix(scene: Scene) -> Injected | None:
    return Injected(
        files=scene.files, causes=("retrieval_miss",), embedder="unprefixed", anywhere=True, needs_person=True
    )


def _shallow_search(scene: Scene) -> Injected | None:
    changes = scene.chance.choice(({"k": 1}, {"k": 1, "depth": 1}))
    return Injected(
        files=scene.files,
        causes=("retrieval_miss",),
        settings={"retrieval": changes, "context": {"passages": 1, "neighbours": 0}},
        anywhere=True,
        needs_person=True,
    )


def _search_switched_off(scene: Scene) -> Injected | None:
    changes = scene.chance.choice(({"lexical_weight": 0.0}, {"dense_weight": 0.0}))
    return Injected(
        files=scene.files,
        causes=("retrieval_miss",),
        settings={"retrieval": changes},
        anywhere=True,
        needs_person=True,
    )


def _nothing(scene: Scene) -> Injected | None:
    return Injected(files=scene.files, causes=("feedback_disputed",), repairable=False)


def _not_answerable(scene: Scene) -> Injected | None:
    return Injected(files=scene.files, causes=("not_answerable", "missing_document"), repairable=False)


WIRING = (
    Kind(name="chunk_cut", inject=_chunk_cut),
    Kind(name="wrong_access_rule", inject=_wrong_access_rule),
    Kind(name="broken_prompt", inject=_broken_prompt, variant="prompted"),
    Kind(name="forgetful_model", inject=_forgetful_model, variant="prompted"),
    Kind(name="embedder_without_prefix", inject=_embedder_without_prefix),
    Kind(name="shallow_search", inject=_shallow_search),
    Kind(name="search_switched_off", inject=_search_switched_off),
    Kind(name="wrong_correction", inject=_nothing, control=True, histories=(True,), corrections=(True,)),
    Kind(name="thumbs_down_on_right", inject=_nothing, control=True, histories=(True,), corrections=(False,)),
    Kind(
        name="not_answerable",
        inject=_not_answerable,
        control=True,
        histories=(True,),
        corrections=(False,),
        pools=("xquad_en", "xquad_zh", "cmrc_zh"),
        outside=True,
    ),
)
"""Kinds of faults outside the documents, and complaints about nothing."""
