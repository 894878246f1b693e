"""Pictures as they travel: bytes, base64, data URIs, markdown."""

import base64
import io
import re

from PIL import Image

DATA_URI = re.compile(r"data:(image/[a-z]+);base64,([A-Za-z0-9+/]+=*)")
MARKDOWN = re.compile(r"!\[[^\]]*\]\((data:[^)]+)\)")


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height of a picture whose every pixel decodes."""
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture.size


def size_of_base64(text: str) -> tuple[int, int]:
    return size_of(base64.b64decode(text, validate=True))


def size_of_data_uri(uri: str) -> tuple[int, int]:
    """The size, where the URI names the format that the bytes really have."""
    media_type, text = DATA_URI.fullmatch(uri).groups()
    data = base64.b64decode(text, validate=True)
    assert media_type == Image.MIME[Image.open(io.BytesIO(data)).format]
    return size_of(data)


def sizes_in_markdown(text: str) -> list[tuple[int, int]]:
    return [size_of_data_uri(uri) for uri in MARKDOWN.findall(text)]


def drawn(width: int, height: int, colour: str = "teal") -> str:
    """A plain PNG, as base64."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def data_uri(text: str) -> str:
    return f"data:image/png;base64,{text}"
