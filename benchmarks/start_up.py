"""From the start of a command to its first call to Tuya, and what it costs. ``python -m benchmarks.start_up``

``python -m flows sync_sn_flows`` is started again and again, without a Prefect server and with one, on a home of
Prefect's and a warehouse that are there already. The median of the rounds counts, and the best one beside it.
"""

import json
import statistics
import tempfile
import time
import urllib.request
from pathlib import Path

from benchmarks.account import PATTERN, environment
from benchmarks.measure import Usage, prefect_server, run, table, tuya

ROUNDS = 7
FLOW = ("python", "-m", "flows", "sync_sn_flows", "-p", "account=bench", "-p", f"sns={PATTERN.format(1)}")
STATUS = ("tuyahouse", "status", "--account", "bench")


def first_call(base_url: str) -> float:
    """When the server was first called since this was asked last."""
    at: float = json.loads(urllib.request.urlopen(f"{base_url}/bench/first").read())
    return at


def started(base_url: str, env: dict[str, str]) -> tuple[float, Usage]:
    """Seconds to the first call of a run, and what the whole run used."""
    begin = time.time()
    usage = run(*FLOW, env=env)
    return first_call(base_url) - begin, usage


def row(name: str, rounds: list[tuple[float, Usage]]) -> list[str]:
    calls, ends = [seconds for seconds, _ in rounds], [usage.wall_seconds for _, usage in rounds]
    cpu = [usage.cpu_seconds for _, usage in rounds]
    return [name, *(f"{statistics.median(those):.2f} s ({min(those):.2f})" for those in (calls, ends, cpu))]


def main() -> None:
    rows = [["", "to the first call", "to the end", "CPU"]]
    with tempfile.TemporaryDirectory() as folder, tuya() as base_url:
        home = Path(folder)
        env = {
            **environment(base_url, f"sqlite:///{home / 'warehouse.db'}"),
            "PREFECT_HOME": str(home / "prefect"),
            "PREFECT_API_URL": "",
        }
        started(base_url, env)  # makes the warehouse and Prefect's database
        alone = [started(base_url, env) for _ in range(ROUNDS)]
        (home / "server").mkdir()
        with prefect_server(home / "server") as named:
            started(base_url, {**env, **named})
            served = [started(base_url, {**env, **named}) for _ in range(ROUNDS)]
        status = [run(*STATUS, env=env) for _ in range(ROUNDS)]
    rows += [row("without a Prefect server", alone), row("with one", served)]
    rows.append(["tuyahouse status", "", *row("", [(0.0, usage) for usage in status])[2:]])
    table(f"One serial number, median (least) of {ROUNDS} rounds", rows)


if __name__ == "__main__":
    main()
