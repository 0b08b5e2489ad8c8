"""The tree of errors in the module's docstring is the tree of the classes."""

from __future__ import annotations

import re

import pytest

from ragpress import errors
from ragpress.errors import GateRefusedError, MissingDependencyError, RagpressError

CLASSES = {name: thing for name, thing in vars(errors).items() if isinstance(thing, type)}


def drawn_tree() -> dict[str, str]:
    """Each class of the docstring with the one that it is drawn under."""
    parents: dict[str, str] = {}
    stack: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"((?:│   |    )*)(?:├── |└── )?(\w+Error)\b", line)
        if match is None:
            continue
        depth = len(match[1]) // 4 + ("── " in line)
        parents[match[2]] = stack[depth - 1] if depth else "Exception"
        stack[depth:] = [match[2]]
    return parents


def test_the_docstring_draws_every_class_under_its_base() -> None:
    assert drawn_tree() == {name: kind.__bases__[0].__name__ for name, kind in CLASSES.items()}
    assert len(CLASSES) > 15


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES.keys())
def test_every_class_is_ours_and_documented(kind: type) -> None:
    assert issubclass(kind, RagpressError)
    assert kind.__doc__


def test_errors_with_fields_say_them() -> None:
    missing = MissingDependencyError("OCR", "pip install 'ragpress[ocr]'")
    assert str(missing) == "OCR is not installed. Install it with: pip install 'ragpress[ocr]'"
    refused = GateRefusedError(("too few rows", "a segment is damaged"))
    assert "too few rows; a segment is damaged" in str(refused)
    assert refused.reasons == ("too few rows", "a segment is damaged")
