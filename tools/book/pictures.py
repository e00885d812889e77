"""The bytes of a drawn picture: fewer, for one who reads on a slow line."""

from io import BytesIO
from pathlib import Path


def lighter(png: bytes, colours: int = 256) -> bytes:
    """Return a PNG in at most so many colours, with its texts and its resolution.

    Lines and letters have few colours and their smoothed edges many. Those that stand for the
    edges are averages, so that no shade is off by what an eye sees. Transparency is given up.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    whole = Image.open(BytesIO(png))
    if whole.mode == "P":
        return png
    texts = PngInfo()
    for key, text in whole.info.items():
        if isinstance(key, str) and isinstance(text, str):
            texts.add_text(key, text)
    few = whole.convert("RGB").quantize(
        colours, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE
    )
    file = BytesIO()
    few.save(file, "PNG", optimize=True, pnginfo=texts, dpi=whole.info.get("dpi"))
    return file.getvalue()


def keep(png: bytes, file: Path) -> None:
    """Write a picture whole or not at all: what is there is not drawn again."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    try:
        part.write_bytes(png)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
