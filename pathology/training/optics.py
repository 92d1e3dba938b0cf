"""What scanners and files do to a picture: blur, sharpening halos, noise, JPEG blocks."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage


def worn(picture: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A picture (h, w, 3) of 0..255 as another scanner would have stored it."""
    if rng.random() < 0.35:
        picture = blurred(picture, rng.uniform(0.3, 1.4))
    elif rng.random() < 0.35:
        picture = sharpened(picture, rng.uniform(0.6, 1.6), rng.uniform(0.3, 1.5))
    if rng.random() < 0.4:
        picture = picture + rng.normal(0, rng.uniform(1, 7), picture.shape).astype(np.float32)
    image = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        image = compressed(image, int(rng.integers(25, 90)))
    return image


def blurred(picture: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """Out of focus."""
    soft: NDArray[np.float32] = ndimage.gaussian_filter(
        picture, (sigma_px, sigma_px, 0), truncate=3.0
    )
    return soft


def sharpened(picture: NDArray[np.float32], sigma_px: float, amount: float) -> NDArray[np.float32]:
    """With the halos of an unsharp mask."""
    return picture + np.float32(amount) * (picture - blurred(picture, sigma_px))


def compressed(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Through JPEG and back."""
    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    with Image.open(file) as stored:
        return np.asarray(stored.convert("RGB"))
