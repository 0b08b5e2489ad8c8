"""C8: adds, edits, deletes, renames, settings, crashes, rollbacks and collections in any order, against a model."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import seed as with_seed
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from index import derive
from index.catalogue import quarantine, restore
from index.history import collect_garbage, rollback, stored_collections
from ragpress.storage import disk
from tests.faults.model import InlinePool, Knobs, Texts, chunk_texts
from tests.workspace import Workspace

NAMES = ("a.md", "b.txt", "c.md", "zh/d.md", "zh/e.txt")
SENTENCES = (
    "The carbon filter is replaced every six months.",
    "REMARK checked by the night shift",
    "员工每年享有十五天带薪年假。",
    "The tram stops at the north gate every ten minutes.",
    "病假需要提供医院证明。",
    "Lanterns and anchors are sold at the harbour.",
)
QUERIES = ("carbon filter months", "年假有多少天", "tram at the gate", "病假证明", "harbour lanterns")
LETTERS = "bcdfghjklm"
ALL = 200

Expected = dict[str, Texts]


class Crash(BaseException):
    """The process would be gone here; no handler of ordinary errors sees it."""


class AnyOrder(RuleBasedStateMachine):
    """A workspace and what should be in it."""

    def __init__(self) -> None:
        super().__init__()
        memory = Path("/dev/shm")  # noqa: S108 - every step syncs hundreds of files
        self.folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        self.knobs = Knobs()
        self.workspace = Workspace(self.make_folder("main"), self.knobs.as_toml())
        self.files: dict[str, str] = {}
        self.withdrawn: set[str] = set()
        self.releases: dict[str, Expected] = {}
        self.live: str | None = None
        self.canaries = 0
        self.checked: str | None = None

    def make_folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder

    def teardown(self) -> None:
        disk.set_observer(None)
        remove(self.folder)

    # what a user does to the sources

    @initialize(first=st.integers(0, 5), count=st.integers(2, len(NAMES)))
    def begin(self, first: int, count: int) -> None:
        for number, name in enumerate(NAMES[:count]):
            self.put(name, [SENTENCES[(first + number + line) % len(SENTENCES)] for line in range(5)])
        self.ingest(compact=False)

    @rule(name=st.sampled_from(NAMES), lines=st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=8))
    def put(self, name: str, lines: list[str]) -> None:
        self.canaries += 1
        first = f"The word of this page is {canary(self.canaries)}."
        heading = "" if name.endswith("txt") else "# Page\n\n"
        self.files[name] = heading + "\n\n".join([first, *lines]) + "\n"
        self.workspace.write({name: self.files[name]})

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.files)))
        del self.files[name]
        (self.workspace.docs / name).unlink()

    @precondition(lambda self: self.files)
    @rule(data=st.data(), other=st.sampled_from(NAMES))
    def rename(self, data: st.DataObject, other: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.files)))
        (self.workspace.docs / other).parent.mkdir(exist_ok=True)
        (self.workspace.docs / name).replace(self.workspace.docs / other)
        self.files[other] = self.files.pop(name)

    @precondition(lambda self: self.files)
    @rule(data=st.data(), stamp=st.integers(0, 2_000_000_000))
    def touch(self, data: st.DataObject, stamp: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.files)))
        os.utime(self.workspace.docs / name, (stamp, stamp))

    # what a user does to the collection

    @precondition(lambda self: self.known())
    @rule(data=st.data())
    def take_out(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.known()))
        quarantine(self.workspace.environment(), "default", f"docs/{name}", "under review")
        self.withdrawn.add(name)

    @precondition(lambda self: self.withdrawn & set(self.known()))
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.withdrawn & set(self.known()))))
        restore(self.workspace.environment(), "default", f"docs/{name}")
        self.withdrawn.remove(name)

    @rule(drop_remarks=st.booleans(), ingest=st.booleans())
    def resize(self, drop_remarks: bool, ingest: bool) -> None:
        self.turn(Knobs(24 if self.knobs.max_tokens == 64 else 64, drop_remarks), ingest)

    @rule(ingest=st.booleans())
    def clean_otherwise(self, ingest: bool) -> None:
        self.turn(Knobs(self.knobs.max_tokens, not self.knobs.drop_remarks), ingest)

    def turn(self, knobs: Knobs, ingest: bool) -> None:
        self.knobs = knobs
        self.workspace.configure(knobs.as_toml())
        if ingest:
            self.ingest(compact=False)

    @rule(compact=st.booleans())
    def ingest(self, compact: bool) -> None:
        report = self.workspace.ingest(compact=compact)
        assert report.gate in (None, "pass"), report.gate_reasons
        assert report.release is not None
        assert report.published or self.releases[report.release] == self.wanted()
        self.published(report.release)

    @rule(at=st.integers(1, 400), compact=st.booleans())
    def crash(self, at: int, compact: bool) -> None:
        with crashing(at), contextlib.suppress(Crash):
            self.workspace.ingest(compact=compact)
        now = self.pointer()
        if now != self.live:
            self.published(now)

    @precondition(lambda self: len(self.releases) > 1)
    @rule(data=st.data())
    def go_back(self, data: st.DataObject) -> None:
        release = data.draw(st.sampled_from(sorted(self.releases)))
        environment = self.workspace.environment()
        with environment.store.writer("default", 0):
            rollback(environment, "default", release)
        self.live = release

    @rule()
    def collect(self) -> None:
        environment = self.workspace.environment()
        with environment.store.writer("default", 0):
            collect_garbage(environment, stored_collections(environment))
        kept = {manifest.id for manifest in environment.releases("default").list()}
        assert self.live in kept
        self.releases = {release: self.releases.get(release, {}) for release in kept if release in self.releases}
        self.checked = None

    @rule()
    def compare(self) -> None:
        """Once compacted, an incremental release answers as a fresh build does, in the same order."""
        self.ingest(compact=True)
        fresh = Workspace(Path(tempfile.mkdtemp(dir=self.folder)), self.knobs.as_toml())
        fresh.write({name: text for name, text in self.files.items() if name not in self.withdrawn})
        fresh.ingest()
        for query in QUERIES:
            assert [hit.text for hit in self.workspace.search(query)] == [hit.text for hit in fresh.search(query)]

    # what must hold

    @invariant()
    def live_is_what_the_model_says(self) -> None:
        if self.live is None or self.live == self.checked:
            return
        expected = self.releases[self.live]
        assert self.pointer() == self.live
        rows = self.workspace.rows()
        found = {name: tuple(self.workspace.texts(name)) for name, row in rows.items() if row.chunks}
        assert found == expected
        texts = sorted(text for chunks in expected.values() for text in chunks)
        # every chunk has a vector, so that a search for enough hits finds all that is there, and nothing else
        assert sorted(hit.text for hit in self.workspace.search("page", ALL)) == texts
        self.check_words(texts)
        self.checked = self.live

    def check_words(self, texts: list[str]) -> None:
        """Words of live pages are found by name, those of pages that are gone are not."""
        for word in map(canary, range(max(1, self.canaries - 6), self.canaries + 1)):
            hits = self.workspace.search(word, ALL)
            assert sorted(hit.text for hit in hits if "lexical" in hit.stages) == [
                text for text in texts if word in text
            ]

    def published(self, release: str | None) -> None:
        """A release went live that was made of the sources as they are."""
        assert release is not None
        self.live = release
        self.releases[release] = self.wanted()

    def wanted(self) -> Expected:
        """What a release of the sources as they are must hold."""
        present = {name: text for name, text in self.files.items() if name not in self.withdrawn}
        return {f"docs/{name}": chunk_texts(name, text, self.knobs) for name, text in sorted(present.items())}

    def known(self) -> list[str]:
        """Names of which the live release has a row."""
        return sorted(source.removeprefix("docs/") for source in self.workspace.rows()) if self.live else []

    def pointer(self) -> str | None:
        """Id of the live release."""
        return self.workspace.environment().releases("default").live_id()


def remove(folder: Path) -> None:
    """Remove a folder in which releases were searched: tantivy writes a lock file when it opens an index, and once
    more in a thread, a moment later.
    """
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
    shutil.rmtree(folder)


def canary(number: int) -> str:
    """A word that no stemmer touches and no other page has."""
    return "zq" + "".join(LETTERS[int(digit)] for digit in f"{number:04}")


@contextlib.contextmanager
def crashing(at: int) -> Iterator[None]:
    """From its n-th event on nothing reaches the disk any more."""
    events = 0

    def observe(event: str, path: Path) -> None:
        nonlocal events
        events += 1
        if events >= at:
            raise Crash

    disk.set_observer(observe)
    try:
        yield
    finally:
        disk.set_observer(None)


def check_machine(examples: int, steps: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the machine; a failure prints its steps and the seed."""
    monkeypatch.setattr(derive, "ParserPool", InlinePool)
    print(f"seed {seed}")
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(with_seed(seed)(AnyOrder), settings=chosen)


@pytest.mark.fault
def test_any_order_of_changes_gives_what_the_model_says(monkeypatch: pytest.MonkeyPatch) -> None:
    check_machine(examples=8, steps=40, seed=20261121, monkeypatch=monkeypatch)


@pytest.mark.campaign
def test_many_orders_of_changes_give_what_the_model_says(monkeypatch: pytest.MonkeyPatch) -> None:
    check_machine(examples=150, steps=40, seed=random.SystemRandom().randrange(2**32), monkeypatch=monkeypatch)
