"""A service that does as it is told, with the real pages: to force what a real service does only at bad times."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from types import SimpleNamespace, TracebackType
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from serving.api.errors import ApiError
from serving.api.pages import router

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""As ``serving.api.guard`` sets it."""

Reply = Callable[[dict[str, Any]], Response]


def citation(index: int = 1, **fields: Any) -> dict[str, Any]:
    """A citation as the service sends it."""
    return {
        "index": index,
        "chunk_id": f"chunk-{index}",
        "document_id": f"document-{index}",
        "source": f"docs/guide-{index}.md",
        "title": f"Guide {index}",
        "heading": ["Opening hours"],
        "page": None,
        "start": 0,
        "end": 4,
        "quote": "Open",
        "score": 0.9,
        "copies": [],
        **fields,
    }


def chunk(text: str) -> bytes:
    """One event of a stream with a piece of text."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return event({"id": "ans-stub", "object": "chat.completion.chunk", "choices": [choice]})


def last(citations: Sequence[dict[str, Any]] = (), **fields: Any) -> bytes:
    """The last events of a stream."""
    told = {
        "id": "ans-stub",
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
        "citations": list(citations),
        "release": "r00001-stub",
        "collection": "default",
        "abstained": False,
        "warnings": [],
        "generator": {"kind": "stub", "model": "told"},
        **fields,
    }
    return event(told) + b"data: [DONE]\n\n"


def event(data: Any) -> bytes:
    """One server-sent event."""
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def streamed(*pieces: bytes, hold: threading.Event | None = None) -> Response:
    """A stream of these very pieces; with ``hold`` it stays open until that is set, or the reader leaves."""

    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece
            await asyncio.sleep(0)
        while hold is not None and not hold.is_set():
            await asyncio.sleep(0.01)

    return StreamingResponse(body(), media_type="text/event-stream")


def answered(text: str, citations: Sequence[dict[str, Any]] = (), **fields: Any) -> Response:
    """A whole answer, streamed in two pieces."""
    middle = len(text) // 2
    return streamed(chunk(text[:middle]), chunk(text[middle:]), last(citations, **fields))


def refused(error: ApiError) -> Response:
    """An error as the service sends it."""
    return JSONResponse(error.body().model_dump(), status_code=error.status, headers=error.headers)


async def told(_request: Request, error: Exception) -> Response:
    """Answer with an endpoint's error."""
    assert isinstance(error, ApiError)
    return refused(error)


class StubService:
    """Serves the pages and scripted endpoints on a free port; use it as a context manager.

    Attributes:
        app: the application, to be called without a socket.
        chat: replies to a chat completion's body.
        text: the JSON of a document's passage; None where it is gone.
        key: the API key that is wanted; "" for none.
        models: names of the collections.
        asked: bodies of the chat completions so far.
        feedback: bodies of the feedback so far.
    """

    def __init__(self, languages: tuple[str, ...] = ("en", "zh")) -> None:
        self.chat: Reply = lambda body: answered("Hello.")
        self.text: dict[str, Any] | None = None
        self.key = ""
        self.models = ["default"]
        self.asked: list[dict[str, Any]] = []
        self.feedback: list[dict[str, Any]] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        app = self.app = self._app()
        settings = SimpleNamespace(serve=SimpleNamespace(languages=languages))
        live = SimpleNamespace(environment=None)
        app.state.service = SimpleNamespace(settings=settings, environment=None, answers=live)
        config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> StubService:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self.close()

    def close(self) -> None:
        """Give the port back, of a service that never ran."""
        self._socket.close()

    def _app(self) -> FastAPI:
        app = FastAPI()
        app.include_router(router)
        app.add_exception_handler(ApiError, told)

        @app.middleware("http")
        async def guarded(request: Request, call_next: Any) -> Any:
            wants_key = self.key and request.url.path.startswith("/v1/")
            if wants_key and request.headers.get("Authorization") != f"Bearer {self.key}":
                response = refused(ApiError(401, "A valid API key is needed.", code="invalid_api_key"))
            else:
                response = await call_next(request)
            response.headers["Content-Security-Policy"] = POLICY
            return response

        @app.get("/v1/models")
        async def models() -> dict[str, Any]:
            return {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]}

        @app.post("/v1/chat/completions", response_model=None)
        async def chat(request: Request) -> Response:
            self.asked.append(await request.json())
            return self.chat(self.asked[-1])

        @app.post("/v1/feedback", status_code=201)
        async def feedback(request: Request) -> dict[str, str]:
            self.feedback.append(await request.json())
            return {"feedback_id": "fb-1", "answer_id": "ans-stub"}

        @app.get("/v1/documents/{document_id}/text", response_model=None)
        async def text(document_id: str) -> Response:
            if self.text is None:
                return refused(ApiError(404, "There is no such release.", kind="not_found_error", code="release_gone"))
            return JSONResponse(self.text)

        return app
