"""The hash behind the tickets: BLAKE2b of names, which anyone can recompute."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def first_words(
    retailer_ids: Sequence[str],
    brand_ids: Sequence[str],
    retailer: npt.NDArray[np.int64],
    brand: npt.NDArray[np.int64],
    salt: str,
) -> npt.NDArray[np.uint32]:
    """The first 4 bytes, big-endian, of the 64-byte BLAKE2b digest of "retailer|brand|salt" in UTF-8, for pairs given by code.

    `retailer` and `brand` are positions in the two lists of ids, one pair each. About a million pairs a second.
    """
    shops = [f"{name}|".encode() for name in retailer_ids]
    wares = [f"{name}|{salt}".encode() for name in brand_ids]
    digest = hashlib.blake2b
    words = b"".join(digest(shops[r] + wares[b]).digest()[:4] for r, b in zip(retailer.tolist(), brand.tolist(), strict=True))
    return np.frombuffer(words, ">u4").astype(np.uint32)
