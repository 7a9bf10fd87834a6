"""Surveys of retailers, their complaints and what became of them."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ASPECTS = ("reliability", "responsiveness", "assurance", "empathy", "tangibles")


def upgrade() -> None:
    """Bring the schema up."""
    op.create_table(
        "surveys",
        sa.Column("survey_id", sa.Integer(), nullable=False),
        sa.Column("retailer_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        *(sa.Column(aspect, sa.Integer(), nullable=True) for aspect in ASPECTS),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("survey_id", name=op.f("pk_surveys")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_surveys_retailer_id"), "surveys", ["retailer_id", "month"])
    op.create_index(op.f("ix_surveys_month"), "surveys", ["month"])
    _complaints()


def _complaints() -> None:
    op.create_table(
        "complaints",
        sa.Column("complaint_id", sa.Integer(), nullable=False),
        sa.Column("retailer_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.DateTime(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("complaint_id", name=op.f("pk_complaints")),
        sqlite_autoincrement=True,
    )
    for column in ("retailer_id", "state"):
        op.create_index(op.f(f"ix_complaints_{column}"), "complaints", [column])
    op.create_table(
        "complaint_entries",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("complaint_id", sa.Integer(), nullable=False),
        sa.Column("retailer_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_complaint_entries")),
        sqlite_autoincrement=True,
    )
    for column in ("complaint_id", "retailer_id"):
        op.create_index(op.f(f"ix_complaint_entries_{column}"), "complaint_entries", [column])


def downgrade() -> None:
    """Bring the schema down again."""
    for name in ("complaint_entries", "complaints", "surveys"):
        op.drop_table(name)
