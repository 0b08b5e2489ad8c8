"""The LangChain retriever over a real workspace."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import ConfigurableField, RunnableLambda, RunnablePassthrough
from langchain_tests.integration_tests import RetrieversIntegrationTests
from pydantic import ValidationError

from ragpress.errors import ReleaseError, SettingsError, UsageError
from ragpress.wiring import open_retriever
from retrieval.langchain.retriever import RagpressRetriever
from retrieval.live import LiveSearch, OpenSearch
from retrieval.opening import open_search
from retrieval.scope import Filter
from tests.workspace import SETTINGS, Workspace

ACCESS = SETTINGS + '\n[access.rules]\n"docs/secret/**" = ["staff"]\n'
PAGES = {
    "tea.md": "# Tea\n\n## Green\n\nGreen tea is served at four in the garden.\n",
    "coffee.md": "---\ntags: [hot]\n---\n# Coffee\n\nCoffee is served at nine in the hall.\n",
    "茶.md": "# 茶\n\n下午四点在花园供应绿茶。\n",
    "secret/cake.md": "# Cake\n\nThe secret cake is served at midnight in the cellar.\n",
    "cocoa.md": "# Cocoa\n\nCocoa is served at ten on the terrace.\n",
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("retriever"), ACCESS)
    made.write(PAGES)
    made.ingest()
    return made


def retriever(workspace: Workspace, **fields: Any) -> RagpressRetriever:
    return open_retriever(workspace.root, **fields)


class TestLangChainsOwnSuite(RetrieversIntegrationTests):
    """The standard tests of langchain-tests."""

    @pytest.fixture(autouse=True)
    def _workspace(self, workspace: Workspace) -> None:
        self.made = retriever(workspace)

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return RagpressRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"searches": self.made.searches}

    @property
    def retriever_query_example(self) -> str:
        return "what is served in the garden"


def test_a_document_says_where_it_is_from(workspace: Workspace) -> None:
    document = retriever(workspace, k=1, unrestricted=True).invoke("green tea in the garden")[0]

    hit = workspace.search("green tea in the garden", 1)[0]
    assert (document.page_content, document.id) == (hit.text, hit.chunk_id)
    metadata = document.metadata
    assert metadata["source"] == "docs/tea.md"
    assert metadata["heading"] == list(hit.heading)
    assert (metadata["start"], metadata["end"], metadata["page"]) == (hit.start, hit.end, None)
    assert (metadata["document_id"], metadata["title"], metadata["score"]) == (hit.document_id, "Tea", hit.score)
    assert metadata["release"] == workspace.open().manifest.id
    assert metadata["stages"]["lexical"] == {"rank": 1, "score": hit.stages["lexical"].score}
    assert (metadata["copies"], metadata["marks"]) == ([], [])


def test_a_caller_finds_only_what_its_groups_may_read(workspace: Workspace) -> None:
    question = "the secret cake at midnight in the cellar"

    def sources(made: BaseRetriever, **options: Any) -> set[str]:
        return {document.metadata["source"] for document in made.invoke(question, None, **options)}

    nobody, staff = retriever(workspace, k=9), retriever(workspace, k=9, groups={"staff"})
    operator = retriever(workspace, k=9, unrestricted=True)
    assert "docs/secret/cake.md" not in sources(nobody)
    assert len(sources(nobody)) == 4
    assert "docs/secret/cake.md" in sources(staff)
    assert "docs/secret/cake.md" in sources(operator)
    assert "docs/secret/cake.md" in sources(nobody, groups=["staff"])
    assert "docs/secret/cake.md" not in sources(operator, groups=[])


def test_a_filter_is_a_field_or_an_argument(workspace: Workspace) -> None:
    def sources(made: BaseRetriever, **options: Any) -> list[str]:
        return [document.metadata["source"] for document in made.invoke("what is served", None, **options)]

    assert sources(retriever(workspace, where={"tags": ["hot"]})) == ["docs/coffee.md"]
    assert sources(retriever(workspace), where=Filter(sources=("docs/tea.md",))) == ["docs/tea.md"]
    assert sources(retriever(workspace), where={"languages": ["zh"]}) == ["docs/茶.md"]
    with pytest.raises(UsageError, match=r"unknown field `tag`.*expected the fields sources, languages, tags"):
        sources(retriever(workspace), where={"tag": ["hot"]})
    with pytest.raises(ValidationError, match="unknown field `tag`"):
        retriever(workspace, where={"tag": ["hot"]})


def test_a_publish_is_picked_up_and_a_pin_stays(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.write({"tea.md": "# Tea\n\nGreen tea is served at four.\n"})
    workspace.ingest()
    first = workspace.open().manifest.id
    following, pinned = retriever(workspace, k=1), retriever(workspace, k=1, release=first)
    before = following.searches()
    assert following.searches() is before

    workspace.write({"tea.md": "# Tea\n\nGreen tea is served at six now.\n"})
    workspace.ingest()

    assert "six" in following.invoke("when is green tea served")[0].page_content
    assert following.searches().release == workspace.open().manifest.id != first
    assert "four" in pinned.invoke("when is green tea served")[0].page_content
    assert (pinned.release, following.release) == (first, None)


def test_nobody_waits_while_another_thread_opens(workspace: Workspace) -> None:
    environment = workspace.environment()
    live = ["a"]
    opening, go_on = threading.Event(), threading.Event()

    def open_live() -> OpenSearch:
        if live[0] == "b":
            opening.set()
            assert go_on.wait(20)
        return OpenSearch(live[0], open_search(environment, "default", None)[1])

    following = LiveSearch(lambda: live[0], open_live)
    assert following().release == "a"
    live[0] = "b"
    other = threading.Thread(target=following)
    other.start()
    assert opening.wait(20)
    assert following().release == "a"
    go_on.set()
    other.join(20)
    assert following().release == "b"


async def test_concurrent_questions_get_their_own_answers(workspace: Workspace) -> None:
    made = retriever(workspace, k=1)
    questions = {"green tea in the garden": "docs/tea.md", "coffee at nine in the hall": "docs/coffee.md"}
    asked = list(questions) * 8
    found = await asyncio.gather(*(made.ainvoke(question) for question in asked))

    assert [documents[0].metadata["source"] for documents in found] == [questions[question] for question in asked]


async def test_a_search_runs_off_the_event_loops_thread(workspace: Workspace) -> None:
    opened = retriever(workspace).searches()
    threads: list[threading.Thread] = []

    def searches() -> OpenSearch:
        threads.append(threading.current_thread())
        return opened

    await RagpressRetriever(searches=searches).ainvoke("tea", k=1)

    assert threads
    assert threading.current_thread() not in threads


async def test_batches_keep_their_order(workspace: Workspace) -> None:
    made = retriever(workspace, k=1)
    questions = ["cocoa on the terrace", "green tea in the garden", "coffee in the hall"] * 3
    expected = ["docs/cocoa.md", "docs/tea.md", "docs/coffee.md"] * 3

    assert [found[0].metadata["source"] for found in made.batch(questions)] == expected
    assert [found[0].metadata["source"] for found in await made.abatch(questions, {"max_concurrency": 2})] == expected


def join(documents: list[Document]) -> str:
    return "\n".join(document.page_content for document in documents)


async def test_it_stands_in_a_chain(workspace: Workspace) -> None:
    prompt = ChatPromptTemplate.from_messages([("human", "{context}\n\nQ: {question}")])
    chain = (
        {"context": retriever(workspace, k=2) | RunnableLambda(join), "question": RunnablePassthrough()}
        | prompt
        | RunnableLambda(lambda value: value.to_string())
    )

    text = chain.invoke("green tea in the garden")

    assert "Green tea is served at four in the garden." in text
    assert text.endswith("Q: green tea in the garden")
    assert await chain.ainvoke("green tea in the garden") == text
    assert "".join([part async for part in chain.astream("green tea in the garden")]) == text


def test_its_fields_can_be_configured_in_a_chain(workspace: Workspace) -> None:
    made = retriever(workspace, k=1).configurable_fields(k=ConfigurableField(id="k"))

    assert len(made.invoke("what is served", {"configurable": {"k": 3}})) == 3
    assert len(retriever(workspace).bind(k=2).invoke("what is served")) == 2


class Recorder(BaseCallbackHandler):
    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []

    def on_retriever_start(self, serialized: Any, query: str, **options: Any) -> None:
        self.seen.append(("start", (query, options["tags"], options["metadata"]["team"], options["name"])))

    def on_retriever_end(self, documents: Any, **options: Any) -> None:
        self.seen.append(("end", len(documents)))

    def on_retriever_error(self, error: BaseException, **options: Any) -> None:
        self.seen.append(("error", type(error)))


async def test_callbacks_tags_and_metadata(workspace: Workspace) -> None:
    recorder = Recorder()
    made = retriever(workspace, k=1, tags=["docs"], metadata={"team": "kitchen"})

    made.invoke("tea", {"callbacks": [recorder], "tags": ["call"]})
    await made.ainvoke("tea", {"callbacks": [recorder], "tags": ["call"]})
    with pytest.raises(UsageError, match="query is empty"):
        made.invoke(" ", {"callbacks": [recorder], "tags": ["call"]})

    started = ("start", ("tea", ["call", "docs"], "kitchen", "RagpressRetriever"))
    in_any_order = [(what, (v[0], sorted(v[1]), *v[2:])) if what == "start" else (what, v) for what, v in recorder.seen]
    assert in_any_order[:4] == [started, ("end", 1)] * 2
    assert recorder.seen[-1] == ("error", UsageError)


async def test_errors_are_those_of_a_search(workspace: Workspace) -> None:
    made = retriever(workspace)

    with pytest.raises(UsageError, match="query is empty"):
        await made.ainvoke("")
    with pytest.raises(UsageError, match="k is 0"):
        made.invoke("tea", k=0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'kk'"):
        made.invoke("tea", kk=3)
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        retriever(workspace, k=0)


def test_what_cannot_be_opened_is_told_at_once(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"No ragpress\.toml"):
        open_retriever(tmp_path)
    with pytest.raises(SettingsError, match="no collection 'other'"):
        retriever(workspace, collection="other")
    with pytest.raises(ReleaseError):
        retriever(workspace, release="r99")
    empty = Workspace(tmp_path)
    with pytest.raises(ReleaseError, match="Nothing is live"):
        retriever(empty)


def test_no_field_of_a_printed_retriever_opens_the_release(workspace: Workspace) -> None:
    made = retriever(workspace, k=3, groups={"staff"})

    assert "searches" not in repr(made)
    assert made.model_dump(include={"k", "collection", "groups"}) == {
        "k": 3,
        "collection": "default",
        "groups": frozenset({"staff"}),
    }
