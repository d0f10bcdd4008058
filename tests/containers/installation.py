"""An installation in containers, as its operator reaches it: Prefect's API with its password, and the sandbox."""

import base64
import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE = 400.0
ENDS = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


class Installation:
    """``logs`` is what its programs say, for a test that waits in vain."""

    def __init__(self, prefect: str, sandbox: str, secrets: Path, logs: Callable[[], str]) -> None:
        self.prefect, self._sandbox, self._logs = prefect, sandbox, logs
        self._auth = base64.b64encode((secrets / "server/PREFECT_SERVER_API_AUTH_STRING").read_bytes()).decode()

    def api(self, path: str, body: Any = None) -> Any:
        """Prefect's API, with its authentication."""
        return _call(f"{self.prefect}/api/{path}", body, Authorization=f"Basic {self._auth}")

    def sandbox(self, path: str, body: Any = None) -> Any:
        return _call(f"{self._sandbox}/sandbox/{path}", body)

    def eventually(self, path: str, body: Any = None) -> Any:
        """What Prefect's API answers once it does, and not with nothing."""
        return self.wait_for(lambda: self.api(path, body))

    def start(self, name: str, **parameters: Any) -> str:
        """Start a run as the UI does; its id."""
        (found,) = self.eventually("deployments/filter", {"deployments": {"name": {"any_": [name]}}})
        run: str = self.api(f"deployments/{found['id']}/create_flow_run", {"parameters": parameters})["id"]
        return run

    def ended(self, run: str) -> dict[str, Any]:
        """The run, when it has ended."""

        def found() -> dict[str, Any] | None:
            told: dict[str, Any] = self.api(f"flow_runs/{run}")
            return told if told["state_type"] in ENDS else None

        ended: dict[str, Any] = self.wait_for(found)
        return ended

    def wait_for(self, found: Callable[[], Any]) -> Any:
        """The first answer that is not nothing; until then there may be none."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                if answer := found():
                    return answer
            except (OSError, ValueError):
                pass
            assert time.monotonic() < end, self._logs()[-4000:]
            time.sleep(0.5)


def _call(url: str, body: Any = None, **headers: str) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")
