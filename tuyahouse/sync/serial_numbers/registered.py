"""What became of serial numbers that a run was given by name."""

from collections.abc import Sequence

from tuyahouse.sync.given_keys import usable
from tuyahouse.sync.intake.rows import first_of
from tuyahouse.warehouse.serial_numbers import registry
from tuyahouse.warehouse.warehouse import Warehouse

NAMED = 20
"""Unknown serial numbers that a sentence names."""


def unknown_in_words(warehouse: Warehouse, account: str, given: Sequence[str]) -> list[str]:
    """A sentence about the given serial numbers that Tuya does not know, if there are any."""
    named = usable(given)
    known = registry.known(warehouse, account, named) if named else {}
    unknown = [sn for sn in named if sn not in known or known[sn].state == "unknown"]
    if not unknown:
        return []
    words = f"Tuya does not know {first_of(unknown, NAMED)}."
    if all(sn in known for sn in unknown):
        return [words]
    return [f"{words} A run registers what Tuya knows; `tuyahouse sn add` registers others, which nights ask then."]
