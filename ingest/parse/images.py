"""Images and scanned pages: text by OCR, where the optional extra is installed."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING, Any

from ingest.parse.builder import DocumentBuilder, Facts
from ragpress.errors import ParseError, TooLargeError

if TYPE_CHECKING:
    from ragpress.settings import ParseSettings
    from ragpress.types import ParsedDocument

PARSER = "rapidocr"
INSTALL = "pip install 'ragpress[ocr]'"
MOST_PIXELS = 80_000_000


def parse(data: bytes, name: str, settings: ParseSettings) -> ParsedDocument:  # noqa: ARG001 - one shape for all
    """Read an image by OCR.

    Raises:
        ParseError: OCR is off or not installed, or the image is damaged.
        TooLargeError: it has too many pixels.
    """
    if not settings.ocr:
        raise ParseError(f"An image is read by OCR only: set ocr = true under [parse] and install it with: {INSTALL}")
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - only images need it

    Image.MAX_IMAGE_PIXELS = None  # our own limit below raises before anything is unpacked
    try:
        image = Image.open(io.BytesIO(data))
        if image.width * image.height > MOST_PIXELS:
            raise TooLargeError(f"The image has more than {MOST_PIXELS:,} pixels. Scale it down.")
        picture = image.convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise ParseError(f"The image is damaged ({error}). Restore it from its origin.") from error
    builder = DocumentBuilder(settings.max_characters)
    builder.paragraphs("\n".join(recognise(picture)), 1)
    return builder.build(Facts(media_type="image/*", parser=PARSER, pages=1))


def recognise(picture: Any) -> list[str]:
    """The lines of text on a picture, from top to bottom.

    Raises:
        ParseError: the extra is not installed; the message has the command that installs it.
    """
    import numpy as np  # noqa: PLC0415 - only OCR needs it

    result = _engine()(np.asarray(picture.convert("RGB")))
    return [str(line) for line in (result.txts or ())]


@cache
def _engine() -> Any:
    try:
        from rapidocr import RapidOCR  # noqa: PLC0415 - optional
    except ImportError as error:
        raise ParseError(f"Text recognition is not installed. Install it with: {INSTALL}") from error
    return RapidOCR()
