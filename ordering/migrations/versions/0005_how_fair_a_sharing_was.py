"""How fair each run's sharing was."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up."""
    op.create_table(
        "run_fairness",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("brand_id", sa.Text(), nullable=False),
        sa.Column("star_level", sa.Integer(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("requested", sa.Integer(), nullable=False),
        sa.Column("usable", sa.Integer(), nullable=False),
        sa.Column("allocated", sa.Integer(), nullable=False),
        sa.Column("demand", sa.Double(), nullable=False),
        sa.Column("envy", sa.Integer(), nullable=False),
        sa.Column("drought", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "week", "brand_id", "star_level", name=op.f("pk_run_fairness")),
    )


def downgrade() -> None:
    """Bring the schema down again."""
    op.drop_table("run_fairness")
