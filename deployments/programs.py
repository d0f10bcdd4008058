"""Programs that run beside this one and end with it: servers, a worker, the sandbox."""

import contextlib
import ctypes
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1


class Program:
    """A program under way, in a session of its own: Ctrl-C of the terminal does not reach it, only :meth:`stop`.

    Its output goes into a file. On Linux it is asked to end when this process was killed.
    """

    def __init__(self, name: str, command: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.name, self.log = name, log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def last_words(self) -> str:
        """The last lines of its output."""
        return "\n".join(self.log.read_text(errors="replace").strip().splitlines()[-15:])

    def stop(self, seconds: float = 20) -> None:
        """Ask it to end, and end what is left of it and its children after that time."""
        if not self.has_ended:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def a_port(wanted: int) -> int:
    """That port of this machine if it is free, else another that is."""
    for port in (wanted, 0):
        with socket.socket() as one, contextlib.suppress(OSError):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("127.0.0.1", port))
            return int(one.getsockname()[1])
    raise OSError("no port of this machine is free")


def sandbox_settings(options: Sequence[str]) -> dict[str, str]:
    """The settings that reach a sandbox started with these options, by the names of their variables."""
    command = [sys.executable, "-m", "tuyahouse", "sandbox", *options, "--print-env"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    settings = {}
    for line in printed.splitlines():
        name, equals, value = line.removeprefix("export ").partition("=")
        if equals and name.startswith("TUYAHOUSE_"):
            settings[name] = "".join(shlex.split(value))
    return settings
