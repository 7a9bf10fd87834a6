"""Star ratings computed here: which were made, and the level of every retailer in each."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up."""
    op.create_table(
        "rating_runs",
        sa.Column("rating_id", sa.Integer(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("first_week", sa.Date(), nullable=False),
        sa.Column("end_week", sa.Date(), nullable=False),
        sa.Column("rated", sa.Integer(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("places_off", sa.Integer(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("input_hash", sa.Text(), nullable=False),
        sa.Column("settings_hash", sa.Text(), nullable=False),
        sa.Column("result_hash", sa.Text(), nullable=False),
        sa.Column("rated_at", sa.DateTime(), nullable=False),
        sa.Column("rated_by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(), nullable=True),
        sa.Column("withdrawn_by", sa.Text(), nullable=True),
        sa.Column("withdrawn_why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("rating_id", name=op.f("pk_rating_runs")),
        sa.UniqueConstraint("month", "edition", name=op.f("uq_rating_runs_month_edition")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "star_ratings",
        sa.Column("rating_id", sa.Integer(), nullable=False),
        sa.Column("retailer_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("previous", sa.Integer(), nullable=False),
        sa.Column("rank_level", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("moved_by", sa.Text(), nullable=False),
        sa.Column("weeks", sa.Integer(), nullable=False),
        sa.Column("bought", sa.Double(), nullable=True),
        sa.Column("sold_share", sa.Double(), nullable=True),
        sa.Column("purchases", sa.Double(), nullable=True),
        sa.Column("purchases_percentile", sa.Double(), nullable=True),
        sa.Column("purchases_points", sa.Double(), nullable=False),
        sa.Column("sell_through", sa.Double(), nullable=True),
        sa.Column("sell_through_percentile", sa.Double(), nullable=True),
        sa.Column("sell_through_points", sa.Double(), nullable=False),
        sa.Column("structure", sa.Double(), nullable=True),
        sa.Column("structure_percentile", sa.Double(), nullable=True),
        sa.Column("structure_points", sa.Double(), nullable=False),
        sa.Column("integrity", sa.Double(), nullable=True),
        sa.Column("integrity_percentile", sa.Double(), nullable=True),
        sa.Column("integrity_points", sa.Double(), nullable=False),
        sa.Column("cooperation", sa.Double(), nullable=True),
        sa.Column("cooperation_percentile", sa.Double(), nullable=True),
        sa.Column("cooperation_points", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("rating_id", "retailer_id", "month", name=op.f("pk_star_ratings")),
    )


def downgrade() -> None:
    """Bring the schema down again."""
    op.drop_table("star_ratings")
    op.drop_table("rating_runs")
