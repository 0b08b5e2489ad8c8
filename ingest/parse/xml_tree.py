"""XML to a tree of elements, without entities and without the network: for every parser that meets XML."""

from __future__ import annotations

from typing import Any

from ragpress.errors import ParseError

ENTITY = b"<!ENTITY"
ENTITY_WINDOW = 200_000


def load(data: bytes) -> Any:
    """Parse XML without resolving entities or touching the network.

    Raises:
        ParseError: nothing in it can be read.
    """
    from lxml import etree  # noqa: PLC0415 - only XML needs it

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, recover=True, remove_comments=True, remove_pis=True
    )
    if ENTITY in data[:ENTITY_WINDOW]:
        raise ParseError(
            "The XML declares entities of its own, which are never expanded: they can grow without bound or read "
            "other files. Save it with its entities expanded."
        )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ParseError(f"The XML cannot be read ({error}).") from error
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise ParseError(f"The XML exceeds a limit of its parser ({parser.error_log[0].message}).")
    if root is None:
        raise ParseError("The XML has no content that can be read: check that it is well-formed.")
    return root
