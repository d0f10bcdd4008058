"""When messages may have been lost. Pure: times in, gaps out.

Tuya deletes messages that are not read within the retention time (docs/tuya.md, "Messages"). A consumer that was away
for longer has missed those from its last read until the retention time before its return.
"""

from datetime import datetime, timedelta

from tuyahouse.warehouse.messages.gaps import AWAY_TOO_LONG, BACKLOG_NOTICE, Gap


def gap_after_absence(read_until: datetime | None, now: datetime, retention: timedelta) -> Gap | None:
    """The gap if a stream that was read up to ``read_until`` is read again ``now``; None if nothing can be lost."""
    if read_until is None or now - read_until <= retention:
        return None
    away = _hours(now - read_until)
    return Gap(
        read_until,
        now - retention,
        AWAY_TOO_LONG,
        f"Nothing was read for {away}; Tuya deletes unread messages after {_hours(retention)}.",
    )


def gap_of_notice(noticed_at: datetime, read_until: datetime | None) -> Gap:
    """The gap that Tuya's backlog notice at ``noticed_at`` announces."""
    begin = min(read_until or noticed_at, noticed_at)
    return Gap(begin, noticed_at, BACKLOG_NOTICE, "Tuya warned that more than 2000 messages wait unread.")


def gap_in_words(gap: Gap) -> str:
    """A gap as a line of a run's report."""
    between = f"between {gap.gap_from:%Y-%m-%d %H:%M} and {gap.gap_to:%Y-%m-%d %H:%M} UTC"
    return f"Messages {between} may be lost. {gap.detail or ''}".strip()


def _hours(length: timedelta) -> str:
    minutes = round(length.total_seconds() / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"
