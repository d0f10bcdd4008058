"""`make up`: Prefect's server and UI, a worker, all deployments and automations, and a sandbox, until Ctrl-C."""

import argparse
import fcntl
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from deployments.first_clicks import say_where
from deployments.programs import Program, a_port, sandbox_settings
from deployments.site import NIGHTS, Site
from tuyahouse.settings import NO_ACCOUNT, SettingsError, load_settings

ROOT = Path(__file__).parent.parent
SERIAL_NUMBERS = 600
_SECONDS_TO_START = 180.0


class NotUp(Exception):
    """It could not be started; the text says why."""


def main(words: Sequence[str] | None = None) -> int:
    """Start everything, say where it is, and stop it all on Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deployments.up", description=__doc__)
    parser.add_argument("--without-sandbox", action="store_true", help="use the configured accounts")
    parser.add_argument("--port", type=int, default=4200, help="port of Prefect's UI; another one if it is taken")
    parser.add_argument("--folder", type=Path, default=ROOT / ".up", help="folder for all data; default: .up")
    given = parser.parse_args(words)
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, _interrupt)
    try:
        if given.without_sandbox:
            _require_accounts()
        with _alone(given.folder):
            folder = given.folder.resolve() / ("accounts" if given.without_sandbox else "sandbox")
            folder.mkdir(exist_ok=True)
            _run(Site(folder, a_port(given.port), a_port(8901)), sandbox=not given.without_sandbox)
    except NotUp as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nStopped. Nothing is running any more. The next start continues with what is in {given.folder}.")
    return 0


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotUp("`make up` is running already, in another terminal. Stop it there with Ctrl-C.") from None
        yield


def _run(site: Site, *, sandbox: bool) -> None:
    """Start the programs one after the other, then wait until one of them ends or somebody interrupts."""
    running: list[Program] = []
    env = site.environment(sandbox=sandbox)
    try:
        _say("Prefect's server")
        server = [sys.executable, "-m", "prefect", "server", "start", "--port", str(site.port)]
        running.append(Program("Prefect's server", server, site.server_environment(), site.log("server")))
        first = sandbox and not site.warehouse.exists()
        where = _start_sandbox(site, running, day=1 if first else NIGHTS) if sandbox else ""
        if sandbox:
            _start_reports(site, running)
        _wait(running[0], f"{site.ui}/api/health")
        _say("The deployments and automations")
        _do("deployments.deploy", env=env)
        _do("deployments.automations", env=env)
        _say("A worker")
        worker = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "tuyahouse", "--name", "make-up"]
        running.append(Program("the worker", worker, env, site.log("worker")))
        if first:
            _say(f"{NIGHTS} nights of the sandbox factory: green, red with a note, green again (a minute)")
            _do("deployments.history", where, str(site.folder), env=env)
        say_where(site, where)
        while not (ended := [each for each in running if each.has_ended]):
            time.sleep(0.5)
        raise NotUp(f"{ended[0].name} ended by itself. It said:\n{ended[0].last_words}")
    finally:
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, signal.SIG_IGN)  # what is being stopped is stopped
        for each in reversed(running):
            each.stop()


def _start_sandbox(site: Site, running: list[Program], day: int) -> str:
    """Start a sandbox and write its settings; returns where it is."""
    _say("A sandbox: a simulated Tuya with a factory and devices")
    port = a_port(8900)
    settings = sandbox_settings(["--port", str(port)])
    site.write_settings("demo", settings)
    options = ["--port", str(port), "--serial-numbers", str(SERIAL_NUMBERS), "--day", str(day)]
    command = [sys.executable, "-m", "tuyahouse.sandbox", *options]
    running.append(Program("the sandbox", command, os.environ, site.log("sandbox")))
    where = settings["TUYAHOUSE_ACCOUNTS__DEMO__BASE_URL"]
    _wait(running[-1], f"{where}/sandbox/health")
    return where


def _start_reports(site: Site, running: list[Program]) -> None:
    """Serve the folder of the reports, so that what links to them can be clicked."""
    site.reports.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(site.reports)]
    running.append(Program("the reports", [*command, str(site.reports_port)], os.environ, site.log("reports")))


def _require_accounts() -> None:
    try:
        if not load_settings().accounts:
            raise SettingsError(NO_ACCOUNT)
    except SettingsError as error:
        raise NotUp(f"{error}\nSet them, or start without WITHOUT_SANDBOX to use a simulated Tuya.") from None


def _wait(program: Program, address: str) -> None:
    """Return when something answers at this address."""
    end = time.monotonic() + _SECONDS_TO_START
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            if program.has_ended or time.monotonic() > end:
                raise NotUp(f"{program.name} does not answer. It said:\n{program.last_words}") from None
            time.sleep(0.2)


def _do(module: str, *words: str, env: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, *words], cwd=ROOT, env=dict(env), capture_output=True, text=True
    )
    if done.returncode:
        raise NotUp("\n".join((done.stdout + done.stderr).strip().splitlines()[-15:]))


def _say(text: str) -> None:
    print(f"== {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
