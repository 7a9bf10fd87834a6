"""Retailers' sums for rates by month, beside those by week: a year of them is a fourth of the rows."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

COUNTS = ("requested", "allocated", "lines", "lines_filled", "lines_unserved")
REALS = (
    "demand", "met", "demand_window", "gap_inflated", "gap_supply", "gap_province", "gap_cap", "gap_quota", "gap_limit", "gap_other",
)  # fmt: skip
FILL = """
INSERT INTO run_retailer_months (run_id, week, retailer_id, star_level, {names})
SELECT c.run_id, m.first, c.retailer_id, max(c.star_level), {sums}
FROM run_retailer_cells c JOIN (
  SELECT run_id, week, min(week) OVER (PARTITION BY run_id, {month}) AS first FROM (SELECT DISTINCT run_id, week FROM run_retailer_cells) w
) m ON m.run_id = c.run_id AND m.week = c.week
GROUP BY c.run_id, m.first, c.retailer_id
"""
MONTHS = {"sqlite": "substr(week, 1, 7)", "postgresql": "date_trunc('month', week)"}


def upgrade() -> None:
    """Bring the schema up, with the months of the runs that are stored."""
    op.create_table(
        "run_retailer_months",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("retailer_id", sa.Text(), nullable=False),
        sa.Column("star_level", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        *(sa.Column(name, sa.Double(), nullable=False) for name in REALS),
        sa.PrimaryKeyConstraint("run_id", "week", "retailer_id", name=op.f("pk_run_retailer_months")),
    )
    names, sums = ((", ".join(form.format(name) for name in (*COUNTS, *REALS))) for form in ("{}", "sum(c.{})"))
    op.execute(FILL.format(names=names, sums=sums, month=MONTHS[op.get_context().dialect.name]))


def downgrade() -> None:
    """Bring the schema down again."""
    op.drop_table("run_retailer_months")
