"""Constants of JPEG that every decoder and this plugin's payloads share.

Tables of ITU-T T.81, annex K, and the scan script that libjpeg uses for progressive files.
"""

from __future__ import annotations

__all__ = ["ANNEX_K", "SCRIPTS", "quantization", "zigzag"]

#: Quantization steps in natural order, luma and chroma (tables K.1 and K.2).
_LUMA = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
_CHROMA = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
    *(99,) * 32,
)  # fmt: skip

_ZIGZAG = (
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
)  # fmt: skip

#: 2^(-i / 23) in units of 2^-16: 256 codes reach from 25.5 times annex K, where every step is 255, down to all ones.
_STEPS_PER_OCTAVE = 23
_MANTISSAS = (
    65536, 63590, 61703, 59871, 58093, 56369, 54695, 53072, 51496, 49967, 48484, 47045,
    45648, 44293, 42978, 41702, 40464, 39263, 38097, 36966, 35869, 34804, 33771,
)  # fmt: skip
_COARSEST = 51  # halves


def quantization(code: int) -> tuple[list[int], list[int]]:
    """Return the luma and chroma steps, natural order, 1..255, of a rate code 0 (coarsest) .. 255 (finest).

    step = clamp(round(annex K * 25.5 * 2^(-code / 23)), 1, 255), in integers only.
    """
    octaves, part = divmod(code, _STEPS_PER_OCTAVE)
    scale, shift = _COARSEST * _MANTISSAS[part], 17 + octaves
    luma, chroma = (
        [min(max((base * scale + (1 << shift - 1)) >> shift, 1), 255) for base in table]
        for table in (_LUMA, _CHROMA)
    )
    return luma, chroma


def zigzag(table: list[int]) -> bytes:
    """Return 64 steps in the order of a DQT segment."""
    return bytes(table[at] for at in _ZIGZAG)


#: Huffman tables K.3 to K.6 (DC and AC of luma, DC and AC of chroma): class and number, 16 counts, symbols.
ANNEX_K = tuple(
    bytes.fromhex(text)
    for text in (
        "00 00010501010101010100000000000000 000102030405060708090a0b",
        "10 0002010303020403050504040000017d"
        "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a"
        "25262728292a3435363738393a434445464748494a535455565758595a636465666768696a73747576777879"
        "7a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9"
        "cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa",
        "01 00030101010101010101010000000000 000102030405060708090a0b",
        "11 00020102040403040705040400010277"
        "0001020311040521310612415107617113223281081442 91a1b1c109233352f0156272d10a162434e125f117"
        "18191a262728292a35363738393a434445464748494a535455565758595a636465666768696a737475767778"
        "797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7"
        "c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa",
    )
)

#: Progressive scans by number of components. Each: components, then first and last coefficient, then the bit positions
#: before and after (the nibbles Ah, Al).
SCRIPTS = {
    1: (
        ((0,), 0, 0, 0x01), ((0,), 1, 5, 0x02), ((0,), 6, 63, 0x02),
        ((0,), 1, 63, 0x21), ((0,), 0, 0, 0x10), ((0,), 1, 63, 0x10),
    ),
    3: (
        ((0, 1, 2), 0, 0, 0x01), ((0,), 1, 5, 0x02), ((2,), 1, 63, 0x01), ((1,), 1, 63, 0x01), ((0,), 6, 63, 0x02),
        ((0,), 1, 63, 0x21), ((0, 1, 2), 0, 0, 0x10), ((2,), 1, 63, 0x10), ((1,), 1, 63, 0x10), ((0,), 1, 63, 0x10),
    ),
}  # fmt: skip
