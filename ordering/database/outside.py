"""Reads SQLite files by ADBC in a process of its own: `python outside.py`; a program, imported by nobody.

The ADBC driver brings its own copy of SQLite. Two copies in one process break SQLite's file locks (POSIX locks belong to the process:
one copy's closing lets go of the other's, and deletes a write-ahead log in use). So the copy lives here, alone.

On each line of standard input stands JSON: the name of a file to read, then queries, then null, which closes it; then the next file.
To each a line of JSON is the answer on standard output, {} or {"error": ...}, and after the {} of a query come the rows as an Arrow
stream. All queries of a file see the moment of the first. It ends with its input.
"""

import json
import sys
from contextlib import suppress

import adbc_driver_sqlite.dbapi as sqlite
import pyarrow as pa

ROWS_AT_A_TIME = "65536"


def main() -> None:
    """Read one file after the other until the input ends."""
    for line in sys.stdin:
        try:
            with sqlite.connect(f"file:{json.loads(line)}?mode=ro") as connection, connection.cursor() as cursor:
                cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": ROWS_AT_A_TIME})
                _say({})
                _answer(cursor)
        except sqlite.Error as error:
            _say({"error": str(error)})
        else:
            _say({})


def _answer(cursor: sqlite.Cursor) -> None:
    """Answer queries until the file is to be closed."""
    while (query := json.loads(sys.stdin.readline() or "null")) is not None:
        try:
            cursor.execute(query)
            rows = cursor.fetch_record_batch()
        except sqlite.Error as error:
            _say({"error": str(error)})
            continue
        _say({})
        with pa.ipc.new_stream(sys.stdout.buffer, rows.schema) as stream:
            for batch in rows:
                stream.write_batch(batch)
        sys.stdout.buffer.flush()


def _say(words: dict[str, str]) -> None:
    sys.stdout.buffer.write(json.dumps(words).encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    with suppress(BrokenPipeError):  # whoever asked is gone
        main()
