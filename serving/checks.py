"""Whether what is set could answer: checks for the doctor, and before anything is published."""

from __future__ import annotations

import contextlib

from index.environment import Environment
from index.health import Check
from ragpress.answer_settings import GeneratorSettings, reconnected
from ragpress.errors import ReleaseError, SettingsError, StorageError
from retrieval.access import AccessRules
from retrieval.rerank import load_reranker
from serving.evidence.support import load_checker
from serving.generate import describe_generator
from serving.generate.kinds import EXTRACTIVE, OPENAI, TRANSFORMERS, chosen_kind, generator_plugin


def generator_checks(environment: Environment) -> list[Check]:
    """Which generator would answer in each collection, and why; a served one is asked whether it is there."""

    checks = []
    for name in environment.workspace.collections:
        report = describe_generator(generator_settings(environment, name))
        found = f"{report.kind} {report.model}".rstrip() + f": {report.why}"
        checks.append(Check(f"generator of {name}", ok=report.ready, found=found, mend=report.advice))
    return checks


def access_checks(environment: Environment) -> list[Check]:
    """Whether every access rule decides about some document: one that does not protects nothing.

    Of a rule that several collections have, it is enough that it decides in one of them.
    """
    collections = {name: one for name, one in environment.workspace.collections.items() if one.access.rules}
    found: dict[str, tuple[str, ...] | SettingsError] = {}
    for name in collections:
        with contextlib.suppress(ReleaseError, StorageError):  # the doctor names what is wrong with it
            found[name] = _idle_rules(environment, name)
    used = {
        rule
        for name, idle in found.items()
        if not isinstance(idle, SettingsError)
        for rule in collections[name].access.rules
        if rule not in idle
    }
    return [_access_check(name, idle, used) for name, idle in found.items()]


def _access_check(name: str, idle: tuple[str, ...] | SettingsError, used: set[str]) -> Check:
    if isinstance(idle, SettingsError):
        found = "they cannot be read, so nothing is found for anybody"
        return Check(f"access rules of {name}", ok=False, found=found, mend=str(idle))
    useless = [rule for rule in idle if rule not in used]
    if not useless:
        return Check(f"access rules of {name}", ok=True, found="each decides about documents")
    mend = "A source begins with the name of its folder; see: ragpress documents list. Correct or remove the rule."
    found = f"no document is decided by {', '.join(map(repr, useless))}"
    return Check(f"access rules of {name}", ok=False, found=found, mend=mend)


def check_answering(environment: Environment, collection: str) -> None:
    """See that whoever asks a release which is built now would get an answer: loads no model and asks no server.

    Raises:
        SettingsError: an access rule, the reranker, the checker or the generator is set wrongly.
        MissingDependencyError: a package that is set is not here.
    """

    settings = environment.workspace.collection(collection)
    AccessRules(settings.access)
    load_reranker(settings.rerank)
    if not settings.answer.checker.startswith("nli:"):  # that would load its model
        load_checker(settings.answer.checker, None)
    kind = chosen_kind(settings.generator)
    if kind not in {EXTRACTIVE, OPENAI, TRANSFORMERS}:
        generator_plugin(kind)


def generator_settings(environment: Environment, collection: str) -> GeneratorSettings:
    """What answers in a collection: as its live release sealed it, reached as the settings say now."""
    current = environment.workspace.collection(collection).generator
    try:
        live = environment.releases(collection).live()
    except (ReleaseError, StorageError):  # the doctor names what is wrong with it
        return current
    return current if live is None or live.answering is None else reconnected(live.answering.generator, current)


def _idle_rules(environment: Environment, collection: str) -> tuple[str, ...] | SettingsError:
    settings = environment.workspace.collection(collection).access
    try:
        rules = AccessRules(settings)
    except SettingsError as error:
        return error
    live = environment.releases(collection).live()
    if live is None:
        raise ReleaseError(f"Nothing is live in {collection!r}.")
    deciding = set(rules.governing(environment.open(live).documents["source"].to_pylist()).tolist())
    return tuple(pattern for number, pattern in enumerate(settings.rules, 1) if number not in deciding)
