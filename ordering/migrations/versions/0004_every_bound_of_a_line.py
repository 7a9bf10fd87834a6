"""Every bound of an allocated line, and of a week's level the policy and the turns before it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

LIMITS = ("cap_left", "demand_left", "band_left", "total_left", "day_left")
LINES = ("run_allocation", "confirmations")
PACKS = ("pack_multiple", "min_lot")


def upgrade() -> None:
    """Bring the schema up. Lines allocated before are not known to have been held; packs, lots and turns are those of today's tables."""
    for name in LINES:
        with op.batch_alter_table(name, schema=None) as batch_op:
            for limit in LIMITS:
                batch_op.add_column(sa.Column(limit, sa.Integer(), nullable=True))
            batch_op.add_column(sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()))
            for count in PACKS:
                batch_op.add_column(sa.Column(count, sa.Integer(), nullable=False, server_default="1"))
            batch_op.add_column(sa.Column("taken", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("run_week_levels", schema=None) as batch_op:
        batch_op.add_column(sa.Column("turns", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("policy", sa.Text(), nullable=False, server_default="uniform"))
    for name in LINES:
        _fill_packs(name)
    _fill_turns()


def _fill_packs(name: str) -> None:
    """The pack and the lot of a line's brand; 1 where the brand is not there any more."""
    brand, lines = sa.table("brands", *map(sa.column, ("brand_id", *PACKS))), sa.table(name, *map(sa.column, ("brand_id", *PACKS)))
    of_line = brand.c.brand_id == lines.c.brand_id
    found = {count: sa.select(brand.c[count]).where(of_line).scalar_subquery() for count in PACKS}
    op.execute(lines.update().values(found).where(sa.exists().where(of_line)))


def _fill_turns() -> None:
    """As a night counts them: the weeks before in which the brand's supply was limited."""
    supply = sa.table("supply", *map(sa.column, ("brand_id", "week")))
    levels = sa.table("run_week_levels", *map(sa.column, ("brand_id", "week", "turns")))
    before = sa.and_(supply.c.brand_id == levels.c.brand_id, supply.c.week < levels.c.week)
    op.execute(levels.update().values(turns=sa.select(sa.func.count()).select_from(supply).where(before).scalar_subquery()))


def downgrade() -> None:
    """Bring the schema down again."""
    with op.batch_alter_table("run_week_levels", schema=None) as batch_op:
        batch_op.drop_column("policy")
        batch_op.drop_column("turns")
    for name in LINES:
        with op.batch_alter_table(name, schema=None) as batch_op:
            for column in ("taken", "min_lot", "pack_multiple", "held", *reversed(LIMITS)):
                batch_op.drop_column(column)
