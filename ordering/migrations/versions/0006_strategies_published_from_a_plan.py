"""Release strategies that were published from a plan, what each wrote and what it replaced."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up."""
    op.create_table(
        "strategy_plans",
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("withdraws", sa.Integer(), nullable=True),
        sa.Column("rows_written", sa.Integer(), nullable=False),
        sa.Column("rows_replaced", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("planned_at", sa.DateTime(), nullable=False),
        sa.Column("planned_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_strategy_plans")),
        sa.UniqueConstraint("week", "version", name=op.f("uq_strategy_plans_week_version")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "strategy_plan_rows",
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("written", sa.Boolean(), nullable=False),
        sa.Column("brand_id", sa.Text(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("star_level", sa.Integer(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("area_type", sa.Text(), nullable=False),
        sa.Column("business_format", sa.Text(), nullable=False),
        sa.Column("street", sa.Text(), nullable=False),
        sa.Column("cap", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "plan_id", "written", "brand_id", "week", "star_level", "district", "area_type", "business_format", "street",
            name=op.f("pk_strategy_plan_rows"),
        ),
    )  # fmt: skip


def downgrade() -> None:
    """Bring the schema down again."""
    op.drop_table("strategy_plan_rows")
    op.drop_table("strategy_plans")
