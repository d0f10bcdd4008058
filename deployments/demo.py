"""`make demo`: a sandbox factory and two nights of nightly_sync into a SQLite file; says what it did, where to look."""

import json
import os
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERIAL_NUMBERS = 2000
FOLDER = Path(".demo")


def main() -> int:
    """Run the demo in the folder ``.demo`` of the working directory, which holds everything it creates."""
    FOLDER.mkdir(exist_ok=True)
    database = FOLDER / "warehouse.db"
    for old in FOLDER.glob("warehouse.db*"):
        old.unlink()
    with _sandbox() as settings:
        url = settings["TUYAHOUSE_ACCOUNTS__DEMO__BASE_URL"]
        os.environ.update(settings | _environment(database))
        _say(f"A sandbox Tuya is running at {url}: a factory of {SERIAL_NUMBERS:,} units, two projects of devices.")
        units = FOLDER / "units.csv"
        units.write_bytes(urllib.request.urlopen(f"{url}/sandbox/serial-numbers.csv", timeout=30).read())
        steps = [
            (
                "Tuya lists no serial numbers: they come from a file",
                ["tuyahouse", "sn", "add", "--account", "demo", units],
            ),
            ("What tonight would cost, before a call is made", ["tuyahouse", "plan", "--account", "demo"]),
            ("The first night", _night(1)),
            ("The message stream of the day", _flow("drain_messages")),
            ("A day goes by in the factory", (url, 2)),
            ("The second night: only what changed is written", _night(2)),
            ("How it stands", ["tuyahouse", "status", "--account", "demo"]),
        ]
        for title, step in steps:
            _say(title)
            if not _do(step):
                return 1
    _where_to_look(database)
    return 0


@contextmanager
def _sandbox() -> Iterator[dict[str, str]]:
    """A sandbox in a process of its own; the settings that reach it."""
    command = [sys.executable, "-m", "tuyahouse.sandbox", "--port", "0", "--serial-numbers", str(SERIAL_NUMBERS)]
    process = subprocess.Popen([*command, "--day", "1"], stdout=subprocess.PIPE, text=True)
    settings: dict[str, str] = {}
    try:
        for line in process.stdout or ():
            name, _, value = line.strip().removeprefix("export ").partition("=")
            settings[name] = "".join(shlex.split(value, comments=True))
            if name.endswith("__BASE_URL"):
                break
        yield settings
    finally:
        process.terminate()
        process.wait()


def _environment(database: Path) -> dict[str, str]:
    return {
        "TUYAHOUSE_WAREHOUSE_URL": f"sqlite:///{database}",
        "TUYAHOUSE_PLAN__OPEN_AFTER": "0s",
        "PREFECT_HOME": str((FOLDER / "prefect").resolve()),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }


def _night(day: int) -> list[str]:
    return _flow("nightly_sync", f"run_key=night-{day}")


def _flow(name: str, *parameters: str) -> list[str]:
    pairs = [word for parameter in ("account=demo", *parameters) for word in ("-p", parameter)]
    return [sys.executable, "-m", "flows", name, *pairs]


def _do(step: object) -> bool:
    """Run a command, or set the sandbox to a day."""
    if isinstance(step, tuple):
        url, day = step
        body = json.dumps({"day": day}).encode()
        request = urllib.request.Request(
            f"{url}/sandbox/day", data=body, headers={"Content-Type": "application/json"}, method="POST"
        )
        urllib.request.urlopen(request, timeout=30).read()
        return True
    assert isinstance(step, list)
    program, *words = map(str, step)
    at = Path(sys.executable).parent / program
    return subprocess.run([str(at) if at.exists() else program, *words]).returncode == 0


def _where_to_look(database: Path) -> None:
    _say("Where to look")
    at = f"TUYAHOUSE_WAREHOUSE_URL=sqlite:///{database}"
    print(
        f"The warehouse is {database}: serial_number, flow_step, device, command …\n"
        f"  sqlite3 {database} 'SELECT state, count(*) FROM serial_number GROUP BY state'\n"
        "What each table and column means:\n"
        "  .venv/bin/tuyahouse dictionary --format table\n"
        "Everything about one unit, and where it comes from:\n"
        f"  {at} .venv/bin/tuyahouse explain -a demo YZCB04ZZR00001\n"
        "The same in Prefect's UI, with a worker and schedules:\n"
        "  make up"
    )


def _say(text: str) -> None:
    print(f"\n== {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
