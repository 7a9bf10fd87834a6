"""Who does what is scheduled, and what became of it: leases, and the ledger of jobs by business date."""

from __future__ import annotations

import sqlalchemy as sa

from ordering.tables.base import metadata

leases = sa.Table(
    "leases",  # who may do what only one may do at a time; a row stays when it is free, so that its token only ever grows
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("token", sa.BigInteger, nullable=False),  # counts the holders: a write under an older one is refused
    sa.Column("holder", sa.Text, nullable=False),  # host/process/a word of its own
    sa.Column("since", sa.Double, nullable=False),  # seconds since 1970, by the database's clock, as the next two
    sa.Column("renewed", sa.Double, nullable=False),
    sa.Column("expires", sa.Double, nullable=False),
    sa.Column("doing", sa.Text, nullable=False),  # what its holder said of itself when it last renewed it
)
job_days = sa.Table(
    "job_days",  # the ledger: each job's business date once, whatever the number of schedulers
    metadata,
    sa.Column("job", sa.Text, primary_key=True),
    sa.Column("business_date", sa.Date, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),  # ledger.State
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("token", sa.BigInteger, nullable=False),  # of the lease under which it was last begun
    sa.Column("run_id", sa.Integer),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("started_at", sa.DateTime, nullable=False),
    sa.Column("finished_at", sa.DateTime),
    sa.Column("next_at", sa.DateTime),  # when one that failed is tried again
    sa.Column("words", sa.Text, nullable=False),  # what it came to, or why it failed
)
