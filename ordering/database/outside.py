"""Reads an SQLite file by ADBC in a process of its own: `python outside.py FILE`; a program, imported by nobody.

The ADBC driver brings its own copy of SQLite. Two copies in one process break SQLite's file locks (POSIX locks belong to the process:
one copy's closing lets go of the other's, and deletes a write-ahead log in use). So the copy lives here, alone.

On each line of standard input stands a query, as JSON; on standard output follow a line of JSON, {} or {"error": ...}, and after {}
the rows as an Arrow stream. All queries see the moment of the first. It ends with its input.
"""

import json
import sys

import adbc_driver_sqlite.dbapi as sqlite
import pyarrow as pa

ROWS_AT_A_TIME = "65536"


def main(file: str) -> None:
    """Answer queries until the input ends."""
    out = sys.stdout.buffer
    with sqlite.connect(f"file:{file}?mode=ro") as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": ROWS_AT_A_TIME})
        for line in sys.stdin:
            try:
                cursor.execute(json.loads(line))
                rows = cursor.fetch_record_batch()
            except sqlite.Error as error:
                out.write(json.dumps({"error": str(error)}).encode() + b"\n")
            else:
                out.write(b"{}\n")
                with pa.ipc.new_stream(out, rows.schema) as stream:
                    for batch in rows:
                        stream.write_batch(batch)
            out.flush()


if __name__ == "__main__":
    main(sys.argv[1])
