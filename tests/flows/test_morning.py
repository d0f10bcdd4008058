"""What a night leaves to read in the morning: what is unusual, which serial numbers to look at, the report."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.flows.nights import environment_of, register
from tests.flows.operator import Operator
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox
from tuyahouse.warehouse.warehouse import Warehouse

KNOWN = [f"YZCB04ZZR{number:05}" for number in range(1, 41)]


@pytest.fixture(params=["sqlite", "postgresql"])
def nights(
    request: pytest.FixtureRequest, tuya: Sandbox, operator: Operator, prefect_server: PrefectServer, secret_key: str
) -> list[str]:
    """The descriptions of the artifacts of five nights: in the last one Tuya refuses many serial numbers."""
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "fresh_postgres_url")
    warehouse = Warehouse.open(url, secret_key)
    register(warehouse, KNOWN)
    warehouse.close()
    env = environment_of(tuya, url, secret_key, TUYAHOUSE_ACCOUNTS__DEMO__MONTHLY_CALLS="10000")
    told = []
    for day in range(1, 6):
        tuya.control("day", {"day": day})
        tuya.control("faults", {"item_error": 0.3} if day == 5 else {})
        now = datetime.now(UTC) + timedelta(days=day)
        operator.run("nightly_sync", env, run_key=f"night {day}", now=now.isoformat())
        told.append(prefect_server.newest_artifact("nightly-sync-demo")["description"])
    return told


def test_a_night_says_what_is_unusual_about_it_whom_to_look_at_and_where_the_report_is(nights: list[str]) -> None:
    first, second, *_, last = nights
    assert re.match(
        r"\*\*Good: 40 asked, [^*]+ \d+ serial numbers moved\. 0\.4 % of the month's calls are used\.\*\*", first
    )
    assert "before" not in first, "there was none to compare it with"
    assert "| | this night | the night before | |" in second
    assert re.search(
        r"\n\| asked \| 40 \| 40 \|  \|\n\| moved \| \d+ \| 40 \|  \|\n\| dead letters \| 0 \| 0 \|  \|\n", second
    )
    assert last.startswith("**Red: ") and "| | this night | the 4 nights before | |" in last
    refused = re.search(r"\| dead letters \| (\d+) \| 0 \| \*\*more than in any of them\*\* \|", last)
    assert refused and int(refused[1]) > 4, last
    named = re.search(r"- (\d+) serial numbers ended as dead letters, newest first: (.+), …", last)
    assert named and named[1] == refused[1], last
    assert re.findall(r"(\w+) \(item_error\)", named[2]) and set(re.findall(r"(\w+) \(", named[2])) <= set(KNOWN)
    assert "[The report of demo](/artifacts/key/report-demo)" in last
