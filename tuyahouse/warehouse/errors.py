"""Errors of a warehouse, in words that say what to do."""


class WarehouseError(Exception):
    """The warehouse cannot do what was asked; the text says why and what to change."""


class WarehouseAway(WarehouseError):
    """A passing state: connection lost, server restarting, file locked for too long, deadlock. Retrying helps."""


class WaitedTooLong(WarehouseAway):
    """Another session held a lock for longer than LOCK_WAIT. Trying again at once would wait as long."""


class ValueRefused(WarehouseError):
    """A value that the database cannot hold: a number or time out of range, a key too long for an index, NUL.

    Nothing was stored. The same rows are refused again: see :func:`tuyahouse.warehouse.bulk.halves.land_in_halves`.
    """


class LockLost(WarehouseError):
    """The lock of a run ended before it was renewed, and another run has taken over. Nothing more is written."""


class NoWarehouse(WarehouseError):
    """There is no warehouse yet: no file, or an empty database. Nothing was created."""


class SchemaError(WarehouseError):
    """The tables there are not those of this version of tuyahouse; nothing was changed."""


def refused(where: str, error: BaseException) -> ValueRefused:
    """The driver's first line alone: the lines after it hold the row."""
    return ValueRefused(f"The warehouse {where} cannot hold a value: {(str(error).splitlines() or [''])[0]}")
