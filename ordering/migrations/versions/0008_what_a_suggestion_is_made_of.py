"""What each suggestion was made of, substitutes for what cannot be had, and retailers that hang on a short brand."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INPUTS = (
    ("demand", sa.Double),
    ("cover_weeks", sa.Double),
    ("since", sa.Date),
    ("counted", sa.Integer),
    ("received", sa.Integer),
    ("need", sa.Integer),
    ("pack_multiple", sa.Integer),
    ("min_lot", sa.Integer),
    ("given", sa.Integer),
    ("cap", sa.Integer),
    ("level_line", sa.Integer),
    ("quota_left", sa.Integer),
    ("shared_left", sa.Integer),
)
"""Empty in the rows of earlier runs: nobody knows any more what those were made of."""


def upgrade() -> None:
    """Bring the schema up."""
    with op.batch_alter_table("run_suggestions", schema=None) as batch_op:
        for name, kind in INPUTS:
            batch_op.add_column(sa.Column(name, kind(), nullable=True))

    op.create_table(
        "run_substitutes",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("retailer_id", sa.Text(), nullable=False),
        sa.Column("brand_id", sa.Text(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("substitute_id", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("own_share", sa.Double(), nullable=False),
        sa.Column("peer_share", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "retailer_id", "brand_id", "week", "substitute_id", name=op.f("pk_run_substitutes")),
    )
    op.create_table(
        "run_dependence",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("retailer_id", sa.Text(), nullable=False),
        sa.Column("brand_id", sa.Text(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("purchased", sa.Double(), nullable=True),
        sa.Column("hhi", sa.Double(), nullable=False),
        sa.Column("needed", sa.Integer(), nullable=False),
        sa.Column("suggested", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "retailer_id", name=op.f("pk_run_dependence")),
    )


def downgrade() -> None:
    """Bring the schema down again."""
    op.drop_table("run_dependence")
    op.drop_table("run_substitutes")
    with op.batch_alter_table("run_suggestions", schema=None) as batch_op:
        for name, _ in reversed(INPUTS):
            batch_op.drop_column(name)
