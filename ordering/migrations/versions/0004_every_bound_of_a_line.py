"""Every bound of an allocated line, and of a week's level the policy and the turns before it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

LIMITS = ("cap_left", "demand_left", "band_left", "total_left", "day_left")
LINES = ("run_allocation", "confirmations")


def upgrade() -> None:
    """Bring the schema up. Lines allocated before are not known to have been held; of their packs and lots nothing is known."""
    for name in LINES:
        with op.batch_alter_table(name, schema=None) as batch_op:
            for limit in LIMITS:
                batch_op.add_column(sa.Column(limit, sa.Integer(), nullable=True))
            batch_op.add_column(sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()))
            for count in ("pack_multiple", "min_lot"):
                batch_op.add_column(sa.Column(count, sa.Integer(), nullable=False, server_default="1"))
            batch_op.add_column(sa.Column("taken", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("run_week_levels", schema=None) as batch_op:
        batch_op.add_column(sa.Column("turns", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("policy", sa.Text(), nullable=False, server_default="uniform"))


def downgrade() -> None:
    """Bring the schema down again."""
    with op.batch_alter_table("run_week_levels", schema=None) as batch_op:
        batch_op.drop_column("policy")
        batch_op.drop_column("turns")
    for name in LINES:
        with op.batch_alter_table(name, schema=None) as batch_op:
            for column in ("taken", "min_lot", "pack_multiple", "held", *reversed(LIMITS)):
                batch_op.drop_column(column)
