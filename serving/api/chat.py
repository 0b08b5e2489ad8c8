"""Chat completions as OpenAI's API has them, streamed and not."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from serving.api.callers import Asking
from serving.api.chat_request import ChatRequest, wish_of
from serving.api.completion import ChatCompletion
from serving.api.completion_response import CompletionResponse
from serving.api.errors import responses
from serving.api.service import TheService
from serving.api.turn import count_request

router = APIRouter(tags=["chat"])

_STREAM = {
    "description": "The answer; with `stream` a stream of `chat.completion.chunk` events that ends with `[DONE]`.",
    "model": ChatCompletion,
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


@router.post(
    "/v1/chat/completions",
    summary="Ask a question",
    response_class=Response,
    responses={**responses(400, 401, 403, 404, 429, 500, 502, 503, 504), 200: _STREAM},
)
async def chat_completions(service: TheService, caller: Asking, body: ChatRequest) -> Response:
    """A cited answer to the last message, from the live release of a collection or from a named one.

    The answer's id is the `id` of the completion. Its record is durable before the last byte is sent.
    """
    wish = wish_of(body)
    await count_request(service, caller)
    return CompletionResponse(service, caller, wish)
