"""What became of a delivery, in words of both languages and as a csv of its faults."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from ordering.database.deliveries import LOADED, QUARANTINED, Delivery
from ordering.errors import Fault

COLUMNS = ("file", "line", "column", "value", "message")
"""Columns of faults.csv."""


def told(delivery: Delivery) -> str:
    """A delivery in words, English and Chinese, with its counts and the first of its faults."""
    named = f'"{delivery.name}"'
    if delivery.state == QUARANTINED:
        head = [f"Delivery {delivery.delivery_id} {named}: refused, {_many(delivery.fault_count)}; nothing was loaded."]
        head += [f"收件{delivery.delivery_id} {named}：已拒收，{delivery.fault_count}处错误，未导入任何内容。"]
        after = ["", f"Put it right and deliver it again, or: trueorder inbox retry {delivery.name}"]
        after += [f"更正后重新投递，或运行：trueorder inbox retry {delivery.name}"]
    elif delivery.state == LOADED:
        head = [f"Delivery {delivery.delivery_id} {named}: loaded.", f"收件{delivery.delivery_id} {named}：已导入。"]
        after = []
    else:
        head = [f"Delivery {delivery.delivery_id} {named}: the same was loaded before; nothing was changed."]
        head += [f"收件{delivery.delivery_id} {named}：相同内容此前已导入，未作任何更改。"]
        after = ["", f"To load it once more all the same: trueorder inbox retry {delivery.name}"]
        after += [f"如需重新导入：trueorder inbox retry {delivery.name}"]
    rows = [_row(name, delivery) for name in delivery.counts]
    body = [*map(str, delivery.faults), *rows, *(f"note: {note}" for note in delivery.notes)]
    more = delivery.fault_count - len(delivery.faults)
    left = [f"… {more:,} more in faults.csv / 另有{more:,}处见 faults.csv"] if more > 0 else []
    return "\n".join([*head, *([""] if body else []), *body, *left, *after]) + "\n"


def _many(count: int) -> str:
    return f"{count:,} fault{'' if count == 1 else 's'}"


def _row(name: str, delivery: Delivery) -> str:
    did = delivery.counts[name]
    english = f"{name}: {did.rows:,} rows = {did.new:,} new + {did.changed:,} changed + {did.same:,} as they were"
    return f"{english} / {did.rows:,}行 = 新增{did.new:,} + 更改{did.changed:,} + 不变{did.same:,}"


def write(folder: Path, delivery: Delivery, faults: Sequence[Fault]) -> None:
    """Write report.txt, and faults.csv where there are faults, into a folder."""
    (folder / "report.txt").write_text(told(delivery), "utf-8")
    if not faults:
        return
    with (folder / "faults.csv").open("w", encoding="utf-8-sig", newline="") as out:
        lines = csv.writer(out)
        lines.writerow(COLUMNS)
        for fault in faults:
            lines.writerow([harmless(fault.file), fault.line or "", harmless(fault.column), harmless(fault.value), harmless(fault.message)])


def harmless(text: str) -> str:
    """A text that a spreadsheet does not take for a formula; numbers stay numbers."""
    return f"'{text}" if re.match(r"[=+\-@\t\r]", text) and not re.fullmatch(r"[+-]?\d+(\.\d+)?", text) else text
