"""A desk for the tests of flows that write, once for each database."""

from pathlib import Path

import pytest

from tests.access.desk import Desk, settings_for
from tests.flows.operator import Operator
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.warehouse import Warehouse


@pytest.fixture
def desk(
    tuya: Sandbox, operator: Operator, warehouse: Warehouse, warehouse_url: str, secret_key: str, tmp_path: Path
) -> Desk:
    env = settings_for(tuya, warehouse_url, secret_key, str(tmp_path / "tokens"))
    return Desk(tuya, warehouse, operator, env)
