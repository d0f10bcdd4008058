"""Prefect's API where no server is named: a temporary server that ends with the process that started it.

Prefect would start one by itself, but in the terminal's process group: Ctrl-C would end it before the run could report
how it ended, and a SIGKILL of the run would leave it behind. This one has a session of its own and holds the reading
end of a pipe: when its parent ends for whatever reason, the pipe closes and the server ends too. It starts while the
flows are being imported.
"""

import atexit
import fcntl
import gc
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from flows.listing import NAMES
from tuyahouse.memory import collect_cycles_again

_SECONDS_TO_END = 3

_SERVER_ENVIRONMENT = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
    "PREFECT_LOGGING_LEVEL": "ERROR",
}
"""The environment that Prefect gives to its own temporary servers, and logs in plain words."""


def start_early(words: Sequence[str]) -> "TemporaryServer | None":
    """Start a server if these arguments name a flow and no variable names a server: before Prefect is imported.

    It starts while this process imports what it needs. Where a profile of Prefect's names a server, it ends by itself.
    """
    if os.environ.get("PREFECT_API_URL") or not set(words) & set(NAMES):
        return None
    return TemporaryServer()


def start_where_none_is_named(started: "TemporaryServer | None" = None) -> "TemporaryServer | None":
    """Start a server, if it has not started early, and point Prefect to it, unless the settings name a server or forbid
    temporary ones.

    Call it before the flows are imported. A server on this machine, temporary or named, is never asked through a proxy.
    """
    _exempt_this_machine_from_proxies()
    from prefect.context import refresh_global_settings_context

    if not _is_needed():
        if started:
            started.stop()
        return None
    server = started or TemporaryServer()
    os.environ["PREFECT_API_URL"] = server.url
    refresh_global_settings_context()
    return server


def _is_needed() -> bool:
    from prefect.settings import get_current_settings

    settings = get_current_settings()
    return not settings.api.url and settings.server.ephemeral.enabled


def _exempt_this_machine_from_proxies() -> None:
    """Add this machine to NO_PROXY, in both spellings: the lower-case one wins if both are set."""
    from urllib.request import getproxies_environment  # takes longer to import than all the rest of this file

    kept = getproxies_environment().get("no", "")
    entries = [entry.strip() for entry in kept.split(",") if entry.strip()]
    if "*" in entries:
        return
    entries += [host for host in ("127.0.0.1", "localhost") if host not in entries]
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(entries)


class TemporaryServer:
    """A server that is starting; ``url`` is its API, which takes connections from the first moment."""

    def __init__(self) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the server
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
            self.url = f"http://127.0.0.1:{listening.getsockname()[1]}/api"
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flows.temporary_server", str(listening.fileno())],
                env={**os.environ, **_SERVER_ENVIRONMENT},
                stdin=subprocess.PIPE,
                stdout=self._errors,
                stderr=self._errors,
                pass_fds=[listening.fileno()],
                start_new_session=True,
            )
        atexit.register(self.stop)

    @property
    def last_words(self) -> str | None:
        """The last line it printed before it ended; None while it runs."""
        if self._process.poll() is None:
            return None
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self._process.returncode}"

    def stop(self) -> None:
        """End it, unless it has ended already."""
        self._process.terminate()
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _serve(listening: socket.socket) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    gc.disable()  # as in flows/__main__.py, until it has started
    if not _is_needed():
        return
    import uvicorn

    class OneAtATime(uvicorn.Server):
        """Starts alone: two servers that create or migrate the same database at once fail."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            with _alone():
                await super().startup(sockets)
            collect_cycles_again()

    options = uvicorn.Config(
        "prefect.server.api.server:create_app",
        factory=True,
        log_level="error",
        lifespan="on",
        timeout_graceful_shutdown=1,
    )
    OneAtATime(options).run(sockets=[listening])


@contextmanager
def _alone() -> Iterator[None]:
    """Hold a lock of Prefect's home; it ends with the process, however that ends."""
    from prefect.settings import get_current_settings

    home = get_current_settings().home
    home.mkdir(parents=True, exist_ok=True)
    with (home / "temporary-server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # returns when the parent's end of the pipe closes
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_SECONDS_TO_END)
    os._exit(1)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
