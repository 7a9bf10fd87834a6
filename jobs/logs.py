"""The log: structlog over the standard library's, so that uvicorn's and apscheduler's lines go the same way; UTC; no secrets.

JSON lines where nobody reads along, text on a terminal. Every line carries what is bound to the run, the request or the person
(`bound`). Long-running commands log to standard error; all log to the file of the settings, if there is one. Tracebacks go only here.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import structlog

from ordering.errors import SettingsError
from ordering.masking import MASK, is_secret_name, masked
from ordering.service_settings import LoggingSettings

Event = MutableMapping[str, Any]
_ours: list[logging.Handler] = []


def log(name: str) -> Any:
    """The logger of a module: log(__name__).info("what happened", key=value)."""
    return structlog.stdlib.get_logger(name)


def bound(**about: Any) -> AbstractContextManager[None]:
    """What every line of the block carries: run_id, request_id, person …"""
    return structlog.contextvars.bound_contextvars(**about)


def configure(rules: LoggingSettings, *, service: bool) -> None:
    """Send all logs where the settings say; `service`: to standard error as well. Done again it takes the place of before.

    Raises SettingsError where the file cannot be written.
    """
    handlers = ([_Stderr()] if service else []) + ([_file(rules)] if rules.file else [])
    root = logging.getLogger()
    for old in _ours:
        root.removeHandler(old)
        old.close()
    _ours[:] = handlers
    for handler in handlers:
        text = rules.form == "text" or (rules.form == "auto" and isinstance(handler, _Stderr) and sys.stderr.isatty())
        handler.setFormatter(_Formatter(text))
        root.addHandler(handler)
    root.setLevel(rules.level.upper() if handlers else logging.WARNING)


def is_kept() -> bool:
    """Whether the log goes anywhere."""
    return bool(_ours)


def place() -> str:
    """Where the log is to be found, in words."""
    files = [handler.baseFilename for handler in _ours if isinstance(handler, logging.FileHandler)]
    return files[0] if files else "the log of the service"


def for_uvicorn() -> dict[str, Any]:
    """What uvicorn is to be run with: no handlers of its own, so that its lines come here."""
    return {"log_config": None, "use_colors": False}


def _shared() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.stdlib.ExtraAdder(),
        _said_once,
        hidden,
    ]


def _said_once(_logger: Any, _method: str, event: Event) -> Event:
    """Another handler may have left the text in the record beside ours, or uvicorn the same once more in colours."""
    event.pop("message", None)
    event.pop("color_message", None)
    return event


def hidden(_logger: Any, _method: str, event: Event) -> Event:
    """*** in the place of every value whose name says that it is secret, however deep it stands."""
    for key in list(event):
        event[key] = MASK if is_secret_name(key) else _within(event[key])
    return event


def _within(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: MASK if is_secret_name(str(key)) else _within(one) for key, one in value.items()}
    return [_within(one) for one in value] if isinstance(value, list | tuple) else value


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """The last step of every line, whoever wrote it: secrets that stand in its text are masked."""

    def __init__(self, text: bool) -> None:
        kept = structlog.stdlib.ProcessorFormatter.remove_processors_meta
        last = [structlog.dev.ConsoleRenderer(colors=False)] if text else [structlog.processors.format_exc_info, _json()]
        super().__init__(processors=[kept, *last], foreign_pre_chain=_shared())

    def format(self, record: logging.LogRecord) -> str:
        """One line as it is written."""
        return masked(super().format(record))


structlog.configure(
    processors=[structlog.stdlib.filter_by_level, *_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=False,
)
logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells at every start that it has started
logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells of every table of a font that it cuts down
for _room in ("jobs", "web"):  # where no log is set up, ours say nothing, rather than what Python says without
    logging.getLogger(_room).addHandler(logging.NullHandler())


def _json() -> Any:
    return structlog.processors.JSONRenderer(ensure_ascii=False, default=str)


class _Stderr(logging.StreamHandler[Any]):
    """Standard error as it is at the time of writing."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        """Where to write."""
        return sys.stderr


def _file(rules: LoggingSettings) -> logging.Handler:
    try:
        Path(rules.file).parent.mkdir(parents=True, exist_ok=True)
        return logging.handlers.RotatingFileHandler(
            rules.file, maxBytes=rules.file_megabytes * 2**20, backupCount=rules.files_kept, encoding="utf-8"
        )
    except OSError as error:
        raise SettingsError(f"logging.file: {rules.file} cannot be written ({error.strerror}); choose another place") from error
