"""Keys that a run was given by name. The run remembers them: its run key alone continues it, and more may be given."""

from collections.abc import Iterable, Mapping, Sequence

from tuyahouse.sync.intake.rows import Refusal, Row, entry
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.database.values import clean_text
from tuyahouse.warehouse.ledgers import runs


class OtherKeys(Exception):
    """The run key belongs to a run of what is due; the text says what to do."""


Given = Mapping[str, Sequence[str] | None]
"""Keys by the parameter that named them; None where none were given."""


def with_those_given_before(conn: Connection, run_id: str, given: Given) -> dict[str, list[str] | None]:
    """What the run is given now and was given at its earlier starts; it is stored with the run.

    Raises:
        OtherKeys: keys are given to a run that was begun for what is due.
    """
    before = runs.parameters_of(conn, run_id)
    if before and any(keys is not None for keys in given.values()) and not names_keys(before, tuple(given)):
        raise OtherKeys("This run key belongs to a run of what is due. Give another run_key to ask for given keys.")
    merged = {name: _union(before.get(name), keys) for name, keys in given.items()}
    if before:
        runs.set_parameters(conn, run_id, {**before, **merged})
    return merged


SHOWN = 5
"""Keys that a sentence names."""


def usable(keys: Sequence[str]) -> list[str]:
    """The keys that can be asked, each once, as they are read in a file."""
    return list(dict.fromkeys(one.key for one in map(_judged, keys) if isinstance(one, Row)))


def unusable_in_words(what: str, keys: Sequence[str]) -> list[str]:
    """A sentence about the keys that cannot be asked, if there are any: which and why. ``what`` names such keys."""
    refused = [one for one in map(_judged, keys) if isinstance(one, Refusal)]
    if not refused:
        return []
    named = "; ".join(f"{one.value!r}: {one.reason}" for one in refused[:SHOWN])
    more = f"; and {len(refused) - SHOWN:,} more" if len(refused) > SHOWN else ""
    count = "One of the" if len(refused) == 1 else f"{len(refused):,} of the"
    return [f"{count} given {what} cannot be asked: {named}{more}."]


def left_by_limit(limit: int | None, left: Iterable[object]) -> list[str]:
    """A sentence about keys that were named and are not asked, because a limit was given too; none without one."""
    count = 0 if limit is None else sum(1 for _ in left)
    if not count:
        return []
    return [f"limit={limit} leaves {count:,} of what was named. The same run key asks it with a higher limit."]


def _judged(key: str) -> object:
    return entry("", key)


def names_keys(parameters: Mapping[str, object], names: Sequence[str]) -> bool:
    """Whether one of these parameters names keys."""
    return any(parameters.get(name) is not None for name in names)


def _union(before: Sequence[str] | None, now: Sequence[str] | None) -> list[str] | None:
    if before is None and now is None:
        return None
    return list(dict.fromkeys(map(clean_text, [*(before or ()), *(now or ())])))
