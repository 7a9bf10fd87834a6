"""What each forecasting method said, what was forecast and came true, and what is found once a week."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up."""
    op.create_table(
        "candidate_forecasts",
        sa.Column("planned_week", sa.Date(), nullable=False),
        sa.Column("origin", sa.Date(), nullable=False),
        sa.Column("brand_id", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("demand", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("planned_week", "origin", "brand_id", "method", "week", name=op.f("pk_candidate_forecasts")),
    )
    op.create_table(
        "candidate_origins",
        sa.Column("planned_week", sa.Date(), nullable=False),
        sa.Column("origin", sa.Date(), nullable=False),
        sa.Column("made_in", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("planned_week", "origin", name=op.f("pk_candidate_origins")),
    )
    op.create_table(
        "forecast_brands",
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("origin", sa.Date(), nullable=False),
        sa.Column("brand_id", sa.Text(), nullable=False),
        sa.Column("forecast", sa.Double(), nullable=False),
        sa.Column("actual", sa.Double(), nullable=True),
        sa.Column("p10", sa.Double(), nullable=False),
        sa.Column("p90", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("week", "origin", "brand_id", name=op.f("pk_forecast_brands")),
    )
    op.create_table(
        "forecast_districts",
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("origin", sa.Date(), nullable=False),
        sa.Column("brand_id", sa.Text(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("forecast", sa.Double(), nullable=False),
        sa.Column("actual", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("week", "origin", "brand_id", "district", name=op.f("pk_forecast_districts")),
    )
    op.create_table(
        "forecast_retailers",
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("origin", sa.Date(), nullable=False),
        sa.Column("retailer_id", sa.Text(), nullable=False),
        sa.Column("forecast", sa.Double(), nullable=False),
        sa.Column("actual", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("week", "origin", "retailer_id", name=op.f("pk_forecast_retailers")),
    )
    op.create_table(
        "fits",
        sa.Column("fit_hash", sa.Text(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("fit_hash", name=op.f("pk_fits")),
    )
    with op.batch_alter_table("run_steps", schema=None) as batch_op:
        batch_op.add_column(sa.Column("note", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """Bring the schema down again."""
    with op.batch_alter_table("run_steps", schema=None) as batch_op:
        batch_op.drop_column("note")

    for name in ("fits", "forecast_retailers", "forecast_districts", "forecast_brands", "candidate_origins", "candidate_forecasts"):
        op.drop_table(name)
