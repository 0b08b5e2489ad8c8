"""A small local model in this process, by transformers: SmolLM2 out of its package, a folder, or a name on the hub.

For machines without a server, and for tests with a real model. One answer is written at a time; the next one waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragpress.answer_settings import GeneratorSettings
from ragpress.errors import GeneratorError, GeneratorRefusedError, GeneratorUnavailableError, ModelError
from ragpress.settings import hub_offline
from serving.generate.local_models import LocalModel, find_local_model, model_folder
from serving.types import GenerationEvent, GenerationRequest, GeneratorName, Usage

if TYPE_CHECKING:
    from transformers import AsyncTextIteratorStreamer

KIND = "transformers"


class LocalGenerator:
    """Writes answers with a model that transformers loads when it is first asked.

    Args:
        settings: the ``[generator]`` section.
        cache: local folder for what can be computed again: a GGUF file is converted into it once.

    Raises:
        MissingDependencyError: the model, or what reads it, is in a package that is not installed.
        ModelError: the model's name is that of an unknown kind of file.
    """

    def __init__(self, settings: GeneratorSettings, cache: Path) -> None:
        self._settings = settings
        self._cache = cache
        self._source: LocalModel = find_local_model(settings.model)
        # One thread: answers of one model would only slow each other down, and sampling has one global seed.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ragpress-generator")
        self._loaded: tuple[Any, Any] | None = None

    @property
    def name(self) -> GeneratorName:
        """``transformers`` and the model."""
        return GeneratorName(KIND, self._source.name)

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        """The text word by word, then the tokens used.

        Raises:
            ModelError: the model cannot be found, loaded or converted.
            GeneratorRefusedError: it has no chat template, or the prompt is longer than its window.
            GeneratorUnavailableError: it failed while it wrote.
        """
        from transformers import AsyncTextIteratorStreamer  # noqa: PLC0415 - heavy

        run = asyncio.get_running_loop().run_in_executor
        tokenizer, model = await run(self._thread, self._load)
        inputs = _prompt(tokenizer, model, request, self._settings.max_tokens)
        streamer = AsyncTextIteratorStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
        stop = threading.Event()
        writing = run(self._thread, self._write, inputs, streamer, stop)
        try:
            async for piece in streamer:
                if piece:
                    yield piece
            written = await writing
        finally:
            stop.set()
            writing.cancel()
            await asyncio.wait([writing])
        yield Usage(prompt_tokens=int(inputs["input_ids"].shape[1]), completion_tokens=written)

    async def aclose(self) -> None:
        """Forget the model. An answer that is being written is finished first."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._loaded = None

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            self._loaded = _load(model_folder(self._source, self._cache))
        return self._loaded

    def _write(self, inputs: Any, streamer: AsyncTextIteratorStreamer, stop: threading.Event) -> int:
        """Runs in the thread. Returns the number of tokens written."""
        import torch  # noqa: PLC0415 - heavy

        if self._loaded is None or stop.is_set():
            return 0
        settings = self._settings
        # Of this thread only. On all cores, threads that wait for each other starve whoever else computes.
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))
        with _ending(streamer):
            torch.manual_seed(settings.seed)
            output = self._loaded[1].generate(
                **inputs,
                streamer=streamer,
                max_new_tokens=settings.max_tokens,
                max_time=settings.seconds,
                stopping_criteria=[lambda ids, *_, **__: torch.full((len(ids),), stop.is_set(), device=ids.device)],
                **_sampling(settings.temperature),
            )
        return int(output.shape[1] - inputs["input_ids"].shape[1])


def _load(folder: str) -> tuple[Any, Any]:
    import torch  # noqa: PLC0415 - heavy
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415 - heavy

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto", use_safetensors=True)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        hub = " The hub was not asked, because HF_HUB_OFFLINE is set." if hub_offline() else ""
        raise ModelError(
            f"[generator] model {folder!r} cannot be loaded: {error} Expected a folder with a causal language model "
            f"in safetensors, or its name on the hub.{hub}"
        ) from error
    device: Any = "cuda" if torch.cuda.is_available() else "cpu"
    return tokenizer, model.to(device).eval()


def _prompt(tokenizer: Any, model: Any, request: GenerationRequest, max_tokens: int) -> Any:
    messages = [{"role": turn.role, "content": turn.content} for turn in request.messages]
    if tokenizer.chat_template is None:
        raise GeneratorRefusedError(
            "The local model has no chat template, so it was not trained to answer. Name an instruction-tuned one."
        )
    inputs = tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
    ).to(model.device)
    window = getattr(model.config, "max_position_embeddings", None)
    length = int(inputs["input_ids"].shape[1])
    if window is not None and length + max_tokens > window:
        raise GeneratorRefusedError(
            f"The prompt has {length} tokens and the answer may have {max_tokens}; expected at most {window} together "
            "for this model. Lower tokens or passages in [context], or max_tokens in [generator]."
        )
    return inputs


def _sampling(temperature: float) -> dict[str, Any]:
    # Named even where greedy: the model's own settings would otherwise count.
    if temperature == 0:
        return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    return {"do_sample": True, "temperature": temperature, "top_p": 1.0, "top_k": 0}


@contextlib.contextmanager
def _ending(streamer: AsyncTextIteratorStreamer) -> Iterator[None]:
    """Ends the stream also where writing fails, so that nobody waits for it."""
    try:
        yield
    except GeneratorError:
        raise
    except Exception as error:
        streamer.on_finalized_text("", stream_end=True)
        raise GeneratorUnavailableError(f"The local model failed: {type(error).__name__}: {error}") from error
