"""What every embedder checks before it embeds: no text may be longer than the window."""

from __future__ import annotations

from ragpress.errors import ModelError

_SHOWN_CHARACTERS = 60


def check_window(model: str, text: str, tokens: int, window: int) -> None:
    """Refuse a text that the model would have to cut.

    Args:
        model: name of the embedder, for the message.
        text: the text, without prefix.
        tokens: its length in tokens, special tokens and prefix included.
        window: the most tokens the model reads at once.

    Raises:
        ModelError: ``tokens`` exceeds ``window``.
    """
    if tokens > window:
        raise ModelError(
            f"Expected texts of at most {window} tokens for the embedder {model!r}, found one of {tokens} tokens "
            f"that starts {text[:_SHOWN_CHARACTERS]!r}. Cut it into chunks first ([chunk] max_tokens)."
        )
