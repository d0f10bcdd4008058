"""One odd item is one dead letter, and its neighbours land: a batch that the database refuses is halved."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.database.database import Database
from tuyahouse.warehouse.errors import ValueRefused

T = TypeVar("T")
R = TypeVar("R")


def land_in_halves(
    items: Sequence[T],
    land: Callable[[Sequence[T], Sequence[T]], R],
    refuse: Callable[[T, Sequence[T], str], R],
) -> list[R]:
    """Land the items together; if the database refuses a value, land each half by itself, down to the item with it.

    Args:
        land: stores its first argument in one transaction. The second holds the items that are still to come, so that
            progress can be recorded.
        refuse: stores one item as a dead letter instead, in a transaction too. Gets the item, the items still to come
            and what is wrong with it.

    Returns:
        What the calls of ``land`` and ``refuse`` returned, in the order of the items.

    Raises:
        ValueRefused: there is no item (``land`` is called once even so), or the dead letter is refused too.
    """
    results: list[R] = []
    waiting = [list(items)]
    while waiting:
        part = waiting.pop()
        later = [item for others in reversed(waiting) for item in others]
        try:
            results.append(land(part, later))
        except ValueRefused as error:
            if not part:
                raise
            if len(part) == 1:
                results.append(refuse(part[0], later, str(error)))
            else:
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]
    return results


def write_in_halves(
    database: Database,
    conn: Connection,
    items: Sequence[T],
    write: Callable[[Sequence[T]], R],
    refuse: Callable[[T, str], R],
) -> list[R]:
    """:func:`land_in_halves` within one transaction: what the database refuses is taken back part by part."""

    def write_part(part: Sequence[T], _later: Sequence[T]) -> R:
        with database.savepoint(conn):
            return write(part)

    return land_in_halves(items, write_part, lambda item, _later, problem: refuse(item, problem))
