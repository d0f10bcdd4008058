"""Every mart by its name; a view comes after what it reads."""

from tuyahouse.warehouse.marts.commands import COMMANDS
from tuyahouse.warehouse.marts.definition import Mart
from tuyahouse.warehouse.marts.field import FIELD
from tuyahouse.warehouse.marts.intervals import INTERVALS
from tuyahouse.warehouse.marts.orders import ORDERS
from tuyahouse.warehouse.marts.pass_counts import PASS_COUNTS
from tuyahouse.warehouse.marts.pipeline import PIPELINE
from tuyahouse.warehouse.marts.stations import STATIONS
from tuyahouse.warehouse.marts.units import UNITS

MARTS: dict[str, Mart] = {
    mart.name: mart for mart in (*UNITS, *STATIONS, *ORDERS, *INTERVALS, *FIELD, *COMMANDS, *PIPELINE, *PASS_COUNTS)
}
KEPT = tuple(mart for mart in MARTS.values() if mart.kept)
VIEWS = tuple(mart for mart in MARTS.values() if not mart.kept)

DEFINITIONS = 1
"""Number of the definitions of the kept marts: raise it when one of them changes, and the next refresh rebuilds all."""
