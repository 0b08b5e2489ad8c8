"""The example plugin and every example of docs/plugins.md run."""

from __future__ import annotations

import importlib
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from ragpress.answer_settings import GeneratorSettings
from retrieval.context import Context, Passage
from tests.house.repository import ROOT
from tests.plugins import PluginFolder, plugins
from tests.workspace import SETTINGS, Workspace

__all__ = ["plugins"]

PAGE = ROOT / "docs" / "plugins.md"
EXAMPLE = ROOT / "examples" / "plugin"
BLOCK = re.compile(r"^```(?:python|toml)\n# (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LOADER = """\
from pathlib import Path
from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document

class NotesLoader(BaseLoader):
    def __init__(self, path, encoding):
        self.path, self.encoding = path, encoding

    def lazy_load(self):
        yield Document(Path(self.path).read_text(self.encoding), metadata={"title": "A note"})
"""
FILES = {
    "tea.md": "# Tea\n\nGreen tea is served at four.\n\n## Extras\n\nMilk and sugar are extra.\n\nBread is free.\n",
    "pie.recipe": "Apple pie\nPeel the apples.\n\nBake for an hour.\n",
    "today.note": "The oven is broken.\n",
}


class Section(NamedTuple):
    """The files of one section of the page."""

    files: dict[str, str]

    @property
    def module(self) -> str:
        return next(name.removesuffix(".py") for name in self.files if name.endswith(".py"))

    @property
    def settings(self) -> str:
        own = self.files.get("ragpress.toml", "")
        return (SETTINGS.split("[embed]", maxsplit=1)[0] if "[embed]" in own else SETTINGS) + "\n" + own


def sections() -> dict[str, Section]:
    parts = PAGE.read_text(encoding="utf-8").split("\n## ")[1:]
    return {part.splitlines()[0]: Section(dict(BLOCK.findall(part))) for part in parts}


def install(plugins: PluginFolder, section: Section) -> None:
    module = section.module
    declared = tomllib.loads(section.files.get("pyproject.toml", ""))
    points = declared.get("project", {}).get("entry-points", {})
    lines = {group: "\n".join(f"{name} = {value}" for name, value in table.items()) for group, table in points.items()}
    plugins.install("their_loaders", LOADER, {})
    plugins.install(module, section.files[f"{module}.py"], lines)


def ingested(folder: Path, settings: str) -> Workspace:
    folder.mkdir()
    workspace = Workspace(folder, settings)
    workspace.write(FILES)
    workspace.ingest()
    return workspace


def check_parser(workspace: Workspace, _: str) -> None:
    row = workspace.rows()["docs/pie.recipe"]
    assert (row.title, row.parser) == ("Apple pie", "recipes 1.0")
    assert [hit.heading for hit in workspace.search("bake for an hour", 1)] == [()]


def check_chunker(workspace: Workspace, _: str) -> None:
    assert workspace.texts("docs/tea.md") == [
        "# Tea\n\nGreen tea is served at four.",
        "## Extras\n\nMilk and sugar are extra.\n\nBread is free.",
    ]


def check_embedder(workspace: Workspace, _: str) -> None:
    assert workspace.search("green tea is served at four", 1)[0].stages["dense"].score > 0.5
    assert workspace.open().manifest.embed.model == "letters"


def check_langchain_embeddings(workspace: Workspace, _: str) -> None:
    release = workspace.open()
    assert release.manifest.embed.model == "their-model"
    assert len(workspace.environment().embedders.load(release.manifest.embed).embed_query("tea")) == 64


def check_loader(workspace: Workspace, _: str) -> None:
    assert workspace.texts("docs/today.note") == ["The oven is broken."]
    assert workspace.rows()["docs/today.note"].title == "A note"


def check_splitter(workspace: Workspace, _: str) -> None:
    texts = workspace.texts("docs/tea.md")
    assert texts[0] == "# Tea\n\nGreen tea is served at four.\n\n## Extras"
    assert texts[1].startswith("## Extras\n\n")


def check_reranker(workspace: Workspace, module: str) -> None:
    best = workspace.search("milk and sugar", 3)[0]
    assert best.stages["rerank"].rank == 1
    assert module in {"shared_words", "their_reranker"}


def check_chain(workspace: Workspace, module: str) -> None:
    prompt = importlib.import_module(module).chain(workspace.root).invoke("when is green tea served")
    assert "Green tea is served at four." in prompt.to_string()


INGESTED: dict[str, Callable[[Workspace, str], None]] = {
    "A parser": check_parser,
    "A chunker": check_chunker,
    "An embedder": check_embedder,
    "A reranker": check_reranker,
    "LangChain's loaders": check_loader,
    "LangChain's splitters": check_splitter,
    "LangChain's embeddings": check_langchain_embeddings,
    "LangChain's rerankers": check_reranker,
    "A retriever in LangChain's chains": check_chain,
}
ASKED = {"An embedding model", "A generator", "A check of answers", "A metric"}


def test_every_section_is_run() -> None:
    assert sections().keys() == INGESTED.keys() | ASKED
    named = set(re.findall(r"`(ragpress\.[a-z]+)` \|", PAGE.read_text(encoding="utf-8")))
    declared = {key for section in sections().values() for key in re.findall(r'"(ragpress\.\w+)"', str(section.files))}
    assert named == declared
    assert len(named) == 8


@pytest.mark.process
@pytest.mark.parametrize("title", INGESTED)
def test_an_example_works_in_an_ingest(title: str, plugins: PluginFolder, tmp_path: Path) -> None:
    section = sections()[title]
    install(plugins, section)

    INGESTED[title](ingested(tmp_path / "workspace", section.settings), section.module)


def test_the_embedding_model_is_found(plugins: PluginFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from ingest.embed.resolve import find_model

    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    install(plugins, sections()["An embedding model"])

    assert find_model("our-model").path == plugins.folder / "our-model"


async def test_the_generator_answers(plugins: PluginFolder, tmp_path: Path) -> None:
    from ragpress.prompts import built_in
    from serving.generate import load_generator
    from serving.types import GenerationRequest

    install(plugins, sections()["A generator"])
    settings = GeneratorSettings(kind="first-passage")
    generator = load_generator(settings, embedder=pytest.fail, cache=tmp_path)
    passage = Passage(
        index=1, chunk_id="c", document_id="d", source="tea.md", title="Tea", heading=(), page=None, start=0, end=4,
        chunk="Tea.", text="Tea.", text_start=0, text_end=4, score=1.0,
    )  # fmt: skip
    context = Context(release="r1", query="tea", passages=(passage,))
    request = GenerationRequest(messages=(), context=context, question="tea?", language="en", prompt=built_in())

    assert [part async for part in generator.stream(request)] == ["Tea. [1]"]
    assert generator.name.kind == "first-passage"
    await generator.aclose()


def test_the_check_of_answers_scores(plugins: PluginFolder) -> None:
    from serving.evidence.support import load_checker

    install(plugins, sections()["A check of answers"])

    assert load_checker("quoted", None).support(["Tea.", "Milk."], [["Tea. Bread."], ["Tea."]]) == [1.0, 0.0]


def test_the_metric_scores(plugins: PluginFolder) -> None:
    from evaluation.metrics.answers import AnswerFacts
    from evaluation.metrics.plugins import load_metrics
    from evaluation.records import Case

    install(plugins, sections()["A metric"])

    (loaded,) = load_metrics(["brevity"])
    asked = Case(id="c", question="Tea?")
    assert loaded.score(asked, AnswerFacts(text="Green tea.", abstained=False)) == 2.0
    assert loaded.score(asked, AnswerFacts(text="No idea.", abstained=True)) is None
    assert (loaded.metric.en, loaded.metric.higher_is_better, loaded.metric.unit) == (
        "Words of the answer.",
        False,
        "words",
    )


def test_the_example_package_reads_logs_and_keeps_entries_whole(plugins: PluginFolder, tmp_path: Path) -> None:
    declared = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    points = {
        group: "\n".join(f"{k} = {v}" for k, v in table.items()) for group, table in declared["entry-points"].items()
    }
    for module in EXAMPLE.glob("*.py"):
        (plugins.folder / module.name).write_bytes(module.read_bytes())
    plugins.declare("ragpress_logbook", points, declared["version"])
    (tmp_path / "workspace").mkdir()
    own = '\n[parse]\nplugins = { ".log" = "logbook" }\n\n[chunk]\nchunker = "entries"\n'
    workspace = Workspace(tmp_path / "workspace", SETTINGS + own)
    log = "2026-01-30 08:00 started\n2026-01-31 09:00 failed\n  at line 3\n2026-01-31 09:01 started again\n"
    workspace.write({"server.log": log, "empty.log": "nothing here\n"})

    report = workspace.ingest()

    assert workspace.texts("docs/server.log") == [
        "2026-01-30 08:00 started",
        "2026-01-31 09:00 failed\n  at line 3",
        "2026-01-31 09:01 started again",
    ]
    assert workspace.search("failed at line 3", 1)[0].heading == ("2026-01-31",)
    assert [(item.source, item.step) for item in report.quarantined] == [("docs/empty.log", "parse")]
    assert "No line of docs/empty.log starts with a date" in report.quarantined[0].reason
