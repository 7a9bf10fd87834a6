"""Personal data: who looked at them, giving them out, and deleting them. What other modules need, from where each part is kept."""

from ordering.database.access import note, note_access, read_log

__all__ = ["note", "note_access", "read_log"]
