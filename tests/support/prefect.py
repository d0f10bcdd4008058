"""A real Prefect server for tests: ``prefect server start`` in a process of its own, with a home of its own."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.ports import free_port

PATIENCE = 200
"""Seconds. Once in some dozens of runs the server hangs until SQLite's wait for a busy file, a minute, is over."""
PAGE = 200
PAGE_ORDER = {
    "flow_runs": "EXPECTED_START_TIME_ASC",
    "task_runs": "EXPECTED_START_TIME_ASC",
    "logs": "TIMESTAMP_ASC",
    "artifacts": "CREATED_DESC",
}
QUIET = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}


class PrefectServer:
    """``url`` is its API, ``home`` the directory that holds its database, ``env`` what lets a process use it."""

    def __init__(self, *options: str) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="prefect-", ignore_cleanup_errors=True)
        self.home = Path(self._home.name)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/api"
        self.env = {**QUIET, "PREFECT_API_URL": self.url, "PREFECT_HOME": str(self.home / "client")}
        told = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        with (self.home / "server.log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "prefect",
                    "server",
                    "start",
                    "--port",
                    str(port),
                    *(options or ("--no-services",)),
                ],
                env={**told, **QUIET, "PREFECT_HOME": str(self.home), "PREFECT_SERVER_UI_API_URL": self.url},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.close()
            raise

    def api(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """What ``/api/{path}`` answers."""
        return call(f"{self.url}/{path}", body, method)

    def everything(self, *kinds: str) -> list[Any]:
        """All that the server keeps of these kinds: ``flow_runs``, ``task_runs``, ``logs``, ``artifacts``."""
        kept = []
        for kind in kinds:
            asked = {"limit": PAGE, "sort": PAGE_ORDER[kind]}
            before = len(kept)
            while page := self.api(f"{kind}/filter", {**asked, "offset": len(kept) - before}):
                kept += page
        return kept

    def newest_artifact(self, key: str) -> dict[str, Any]:
        """The artifact that was left last under this key."""
        found: dict[str, Any] = self.api(f"artifacts/{key}/latest")
        return found

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self._home.cleanup()

    def _wait_until_it_answers(self, seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while True:
            try:
                self.api("health")
                return
            except (OSError, urllib.error.URLError):
                if time.monotonic() > end or self.process.poll() is not None:
                    log = (self.home / "server.log").read_text()
                    raise AssertionError(f"Prefect's server does not answer:\n{log}") from None
                time.sleep(0.2)


def call(url: str, body: Any = None, method: str | None = None) -> Any:
    """What a Prefect server answers: to GET without a body, else to POST, or by another method."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"}, method=method)
    for attempt in range(10):
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            # Its SQLite file was busy. Prefect's own clients ask again too.
            if error.code != 503 or attempt == 9:
                raise
            time.sleep(1)
    raise AssertionError("unreachable")
