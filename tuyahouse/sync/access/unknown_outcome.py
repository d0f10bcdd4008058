"""The words about calls of unknown outcome: what happened, how to find out, and what to do then."""

from tuyahouse.sync.access.intent import Intent
from tuyahouse.warehouse.access.audit_rows import StoredWrite


def arisen(intent: Intent, what_happened: str) -> str:
    """About a call of this run that may have been carried out."""
    how = "The next run asks Tuya and records what it finds." if intent.read_back else intent.find_out
    return " ".join(filter(None, (what_happened, "It may have been carried out and is not repeated.", how)))


def reported(intent: Intent, row: StoredWrite) -> str:
    """About an earlier call that cannot be read back; what a run says that therefore writes nothing."""
    return _about(intent, row, "To write it anyway, start a run with a new run_key after this one.")


def would_be_reported(intent: Intent, row: StoredWrite) -> str:
    """The same in a dry run."""
    return _about(intent, row, "A run that is not dry reports this and writes nothing; one after it writes.")


def _about(intent: Intent, row: StoredWrite, again: str) -> str:
    which = f"the call of {row.asked_at:%Y-%m-%d %H:%M:%S} UTC"
    if row.content != intent.content:
        which += f" ({row.what})"
    since = f"Whether {which} was carried out is unknown, so it is not repeated."
    return " ".join(filter(None, (since, intent.find_out, again)))
