"""What each run handed out in a week, and what any sharing could have."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up."""
    op.create_table(
        "run_week_totals",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("handed", sa.Integer(), nullable=False),
        sa.Column("possible", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "week", name=op.f("pk_run_week_totals")),
    )


def downgrade() -> None:
    """Bring the schema down again."""
    op.drop_table("run_week_totals")
