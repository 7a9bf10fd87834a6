"""BLAKE2b (RFC 7693) of "retailer|brand|salt" for many pairs at once, compiled: a city has 8 million pairs.

`hashlib` would do, at about a microsecond a pair and a Python string each; the tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
import numpy.typing as npt

IV = np.array(
    [
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    ],
    np.uint64,
)  # fmt: skip
SIGMA = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    ],
    np.int64,
)
FULL_DIGEST = np.uint64(0x01010040)
"""Parameter block of a plain BLAKE2b: no key, 64 bytes of digest."""
BLOCK = 128


def first_words(
    retailer_ids: Sequence[str],
    brand_ids: Sequence[str],
    retailer: npt.NDArray[np.int64],
    brand: npt.NDArray[np.int64],
    salt: str,
) -> npt.NDArray[np.uint32]:
    """The first 4 bytes, big-endian, of the 64-byte BLAKE2b digest of "retailer|brand|salt" in UTF-8, for pairs given by code.

    `retailer` and `brand` are positions in the two lists of ids, one pair each.
    """
    shops, shop_ends = _joined([f"{name}|" for name in retailer_ids])
    wares, ware_ends = _joined([f"{name}|{salt}" for name in brand_ids])
    pairs = np.ascontiguousarray(retailer, np.int64), np.ascontiguousarray(brand, np.int64)
    return _digest_pairs(shops, shop_ends, wares, ware_ends, *pairs)


def _joined(texts: Sequence[str]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """All texts as one run of UTF-8 bytes, and where each ends (with a leading 0)."""
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return np.frombuffer(b"".join(encoded), np.uint8), ends


Word = np.uint64


@numba.njit(cache=True, nogil=True)
def _turned(x: Word, by: Word) -> Word:
    return (x >> by) | (x << (Word(64) - by))


@numba.njit(cache=True, nogil=True)
def _mix(a: Word, b: Word, c: Word, d: Word, x: Word, y: Word) -> tuple[Word, Word, Word, Word]:
    a = a + b + x
    d = _turned(d ^ a, Word(32))
    c = c + d
    b = _turned(b ^ c, Word(24))
    a = a + b + y
    d = _turned(d ^ a, Word(16))
    c = c + d
    b = _turned(b ^ c, Word(63))
    return a, b, c, d


@numba.njit(cache=True, nogil=True)
def _compress(h: npt.NDArray[Word], m: npt.NDArray[Word], length: int, last: bool) -> None:
    """One block into the state `h`. The sixteen words stay in registers: written as an array this is five times slower."""
    v0, v1, v2, v3, v4, v5, v6, v7 = h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]
    v8, v9, v10, v11, v12, v13, v14, v15 = IV[0], IV[1], IV[2], IV[3], IV[4] ^ Word(length), IV[5], IV[6], IV[7]
    if last:
        v14 = ~v14
    for r in range(12):
        v0, v4, v8, v12 = _mix(v0, v4, v8, v12, m[SIGMA[r, 0]], m[SIGMA[r, 1]])
        v1, v5, v9, v13 = _mix(v1, v5, v9, v13, m[SIGMA[r, 2]], m[SIGMA[r, 3]])
        v2, v6, v10, v14 = _mix(v2, v6, v10, v14, m[SIGMA[r, 4]], m[SIGMA[r, 5]])
        v3, v7, v11, v15 = _mix(v3, v7, v11, v15, m[SIGMA[r, 6]], m[SIGMA[r, 7]])
        v0, v5, v10, v15 = _mix(v0, v5, v10, v15, m[SIGMA[r, 8]], m[SIGMA[r, 9]])
        v1, v6, v11, v12 = _mix(v1, v6, v11, v12, m[SIGMA[r, 10]], m[SIGMA[r, 11]])
        v2, v7, v8, v13 = _mix(v2, v7, v8, v13, m[SIGMA[r, 12]], m[SIGMA[r, 13]])
        v3, v4, v9, v14 = _mix(v3, v4, v9, v14, m[SIGMA[r, 14]], m[SIGMA[r, 15]])
    h[0] ^= v0 ^ v8
    h[1] ^= v1 ^ v9
    h[2] ^= v2 ^ v10
    h[3] ^= v3 ^ v11
    h[4] ^= v4 ^ v12
    h[5] ^= v5 ^ v13
    h[6] ^= v6 ^ v14
    h[7] ^= v7 ^ v15


@numba.njit(cache=True, nogil=True)
def _digest_pairs(
    shops: npt.NDArray[np.uint8],
    shop_ends: npt.NDArray[np.int64],
    wares: npt.NDArray[np.uint8],
    ware_ends: npt.NDArray[np.int64],
    retailer: npt.NDArray[np.int64],
    brand: npt.NDArray[np.int64],
) -> npt.NDArray[np.uint32]:
    out = np.empty(len(retailer), np.uint32)
    h, m = np.empty(8, np.uint64), np.empty(16, np.uint64)
    for i in range(len(retailer)):
        start, split = shop_ends[retailer[i]], shop_ends[retailer[i] + 1] - shop_ends[retailer[i]]
        second, length = ware_ends[brand[i]], split + ware_ends[brand[i] + 1] - ware_ends[brand[i]]
        h[:] = IV
        h[0] ^= FULL_DIGEST
        done = 0
        while True:
            m[:] = 0
            upto = min(done + BLOCK, length)
            for at in range(done, upto):
                byte = shops[start + at] if at < split else wares[second + at - split]
                m[(at - done) // 8] |= np.uint64(byte) << np.uint64(8 * ((at - done) % 8))
            _compress(h, m, upto, upto == length)
            done = upto
            if done == length:
                break
        low = h[0] & np.uint64(0xFFFFFFFF)  # the digest is little-endian: its first 4 bytes, read big-endian
        out[i] = ((low & 0xFF) << 24) | ((low & 0xFF00) << 8) | ((low >> 8) & 0xFF00) | (low >> 24)
    return out
