"""The font of printed pages, cut down to what is printed: `python -m benchmarks.font FONT.ttf TEXT …`.

jobs/fonts/README.md says from which packages the files come, and what they hold. The same files give the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

PLACE = Path(__file__).resolve().parents[1] / "jobs" / "fonts" / "NotoSansSC-printed.ttf"
RANGES = (
    range(0x20, 0x7F), range(0xA0, 0x180), range(0x2010, 0x2028), range(0x2030, 0x203C), range(0x2160, 0x216C), range(0x2190, 0x2194),
    range(0x2460, 0x2474), range(0x25A0, 0x25D0), range(0x3000, 0x3018), range(0xFF01, 0xFF5F),
)  # fmt: skip
"""Latin with accents, punctuation, Roman and circled numbers, arrows, shapes, Chinese punctuation and full-width forms."""
SIGNS = "€℃№℡™≈≠≤≥±×÷−√∑∞∥∶∷·…‰′″※☆★○●◎◇◆□■△▲▽▼→←↑↓✓㎡㎏㎜㎝㎞㏄￥￠￡〓"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.font", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("font", type=Path, help="a TrueType font")
    parser.add_argument("texts", type=Path, nargs="+", help="files that hold every character that is wanted beside GB 2312 and the signs")
    parser.add_argument("--to", type=Path, default=PLACE, help="file (default: jobs/fonts)")
    asked = parser.parse_args(arguments)
    texts = (file.read_text("utf-8") for file in asked.texts)
    wanted = set(chain(gb_2312(), SIGNS, (chr(code) for one in RANGES for code in one), *texts))
    cut(asked.font, asked.to, {ord(letter) for letter in wanted if not letter.isspace() or letter in " \u3000\u00a0"})
    print(f"{asked.to}: {asked.to.stat().st_size:,} bytes, SHA-256 {hashlib.sha256(asked.to.read_bytes()).hexdigest()}")


def gb_2312() -> Iterator[str]:
    """Every character of GB 2312."""
    for row in range(0xA1, 0xF8):
        for cell in range(0xA1, 0xFF):
            yield from bytes((row, cell)).decode("gb2312", "ignore")


def cut(font: Path, to: Path, codes: set[int]) -> None:
    """Write `font` with only these characters, without hints and layout tables, its copyright and licence kept."""
    options = subset.Options(hinting=False, layout_features=[], name_IDs=[0, 1, 2, 3, 4, 5, 6, 13, 14], notdef_outline=True)
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "BASE", "STAT", "DSIG", "vhea", "vmtx", "VORG"]
    whole = TTFont(font, recalcTimestamp=False)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=codes)
    cutter.subset(whole)
    whole.save(to, reorderTables=True)


if __name__ == "__main__":
    main()
