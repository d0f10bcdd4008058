"""Which serial numbers a night asks, by name. Each strategy is pure: it is given a :class:`Situation` and chooses."""

from tuyahouse.sync.serial_numbers.strategies import all as every
from tuyahouse.sync.serial_numbers.strategies import pass_counts, stale
from tuyahouse.sync.serial_numbers.strategies.situation import Choose

STRATEGIES: dict[str, Choose] = {"all": every.choose, "stale": stale.choose, "pass_counts": pass_counts.choose}
