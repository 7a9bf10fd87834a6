"""Options that several commands take."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

BusinessDate = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Business date; today unless given.")]
Month = Annotated[datetime | None, typer.Option(formats=["%Y-%m"], metavar="MONTH", help="The newest closed one unless given.")]
RunId = Annotated[int | None, typer.Option("--run", help="A run's id; the newest unless given.")]
