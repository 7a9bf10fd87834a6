"""Personal data: who looked at them, giving them out, and deleting them. What other modules need, from where each part is kept."""

from ordering.database.access import note, note_access, read_log
from ordering.database.forgetting import Forgotten, forget
from ordering.database.giving_out import about_retailer, about_user, held

__all__ = ["Forgotten", "about_retailer", "about_user", "forget", "held", "note", "note_access", "read_log"]
