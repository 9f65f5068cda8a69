"""Pictures of pages compared as an eye would from two metres: layout, colour, what is missing.

Letters are drawn differently on every machine, so pictures are compared small and blurred, by the
mean difference of the whole and of the worst of its fields.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

KEPT_WIDTH = 480  # for people to look at
COMPARED_WIDTH = 160
NARROW = 0.4  # of these widths, for a phone's long page: letters are as small as on the others
FIELD = 16  # side of a field, in compared pixels
WHOLE_AT_MOST, FIELD_AT_MOST, HEIGHT_AT_MOST = 0.015, 0.048, 0.04


@dataclass(frozen=True)
class Difference:
    """How far two pictures are apart, each as a fraction: of full contrast, of height."""

    whole: float
    field: float
    height: float

    @property
    def small(self) -> bool:
        """Whether fonts alone may be the reason."""
        return (
            self.whole <= WHOLE_AT_MOST
            and self.field <= FIELD_AT_MOST
            and self.height <= HEIGHT_AT_MOST
        )


def opened(content: bytes | Path) -> Image.Image:
    """Return a picture without transparency."""
    source = io.BytesIO(content) if isinstance(content, bytes) else content
    with Image.open(source) as image:
        return image.convert("RGB")


def keep(image: Image.Image, path: Path) -> None:
    """Write a picture small enough to be committed."""
    width = round(KEPT_WIDTH * _share(image))
    small = image.resize((width, round(image.height * width / image.width)), Image.BOX)
    small.quantize(96, dither=Image.Dither.NONE).save(path, optimize=True)


def difference(one: Image.Image, kept: Image.Image) -> Difference:
    """Return how far a picture is from a kept one.

    Strips of the kept one are looked for a little higher and lower, for a line that breaks
    elsewhere moves all below it.
    """
    width = round(COMPARED_WIDTH * _share(kept))
    here, there = _pixels(one, width), _pixels(kept, width)
    reach = round(HEIGHT_AT_MOST * len(there))
    apart = []
    for top in range(0, len(there), FIELD // 2):  # what lies on two of them counts once whole
        strip = there[top : top + FIELD]
        places = range(max(0, top - reach), min(top + reach, len(here) - len(strip)) + 1)
        found = (np.abs(here[at : at + len(strip)] - strip).mean(axis=2) for at in places)
        apart.append(min(found, key=np.mean, default=np.ones(strip.shape[:2])))
    fields = [
        strip[:, left : left + FIELD].mean() for strip in apart for left in range(0, width, FIELD)
    ]
    whole = float(np.concatenate(apart).mean())
    return Difference(whole, float(max(fields)), abs(len(here) - len(there)) / len(there))


def _share(image: Image.Image) -> float:
    return NARROW if image.height > 5 * image.width else 1


def _pixels(image: Image.Image, width: int) -> np.ndarray:
    size = (width, round(image.height / image.width * width))
    small = image.resize(size, Image.BOX).filter(ImageFilter.GaussianBlur(1.5))
    return np.asarray(small, dtype=float) / 255
