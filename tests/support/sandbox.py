"""The sandbox as tests use it: a process of its own, reached over HTTP like Tuya."""

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from tuyahouse.settings import Account, load_settings

_ASSIGNMENT = re.compile(r"^(?:export\s+)?(TUYAHOUSE_\w+)=(.*)$", re.MULTILINE)
_BASE_URL = re.compile(rb"__BASE_URL=['\"]?(http[^\s'\"]*)['\"]?\n")


class Sandbox:
    """A running ``tuyahouse sandbox``.

    ``url`` is its base URL, ``env`` the ``TUYAHOUSE_…`` variables that reach it, ``account`` the same as settings.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", env: Mapping[str, str]) -> None:
        self.process = process
        self.env = dict(env)
        self.url = self._field("BASE_URL").rstrip("/")
        self.account = account_of(self.env)

    def control(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """Call ``/sandbox/{path}``: GET without a body, else POST; the answer as parsed JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/sandbox/{path.lstrip('/')}",
            data=data,
            method=method or ("GET" if body is None else "POST"),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"/sandbox/{path} answered {error.code}: {error.read().decode()}") from None

    def lines(self, path: str) -> list[Any]:
        """Call ``/sandbox/{path}`` where it answers a JSON value a line, as ``truth/…`` does."""
        with urllib.request.urlopen(f"{self.url}/sandbox/{path.lstrip('/')}", timeout=60) as answer:
            return [json.loads(line) for line in answer]

    def environment(self, **extra: str) -> dict[str, str]:
        """The environment of a process that is to reach this sandbox, with ``extra`` on top."""
        return {**os.environ, **self.env, **extra}

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    def _field(self, name: str) -> str:
        return next(value for key, value in self.env.items() if key.endswith(f"__{name}"))


def start_sandbox(*options: str) -> Sandbox:
    """Start one on a free port with these command line options; returns when it answers."""
    command = [sys.executable, "-m", "tuyahouse.sandbox", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        sandbox = Sandbox(process, _how_to_reach(process))
    except BaseException:
        process.kill()
        raise
    # Whoever stops reading a pipe stops the process that writes into it.
    threading.Thread(target=_drain, args=(process,), daemon=True).start()
    return sandbox


def account_of(env: Mapping[str, str], name: str = "demo") -> Account:
    """The settings of account ``name`` as these variables describe it."""
    prefix = f"TUYAHOUSE_ACCOUNTS__{name.upper()}__"
    fields = {key.removeprefix(prefix).lower(): value for key, value in env.items() if key.startswith(prefix)}
    return load_settings(accounts={name: fields}).account(name)


def _how_to_reach(process: "subprocess.Popen[bytes]") -> dict[str, str]:
    """The variables that it prints before it serves."""
    assert process.stdout is not None
    fd, printed = process.stdout.fileno(), b""
    while not (base_url := _BASE_URL.search(printed)):
        piece = os.read(fd, 65536)
        if not piece:
            raise AssertionError(f"The sandbox ended with {process.wait()} before it said how to reach it")
        printed += piece
    _wait_until_it_answers(process, base_url[1].decode())
    os.set_blocking(fd, False)  # it serves, so all of them are in the pipe by now
    with contextlib.suppress(BlockingIOError):
        printed += os.read(fd, 65536)
    os.set_blocking(fd, True)
    return {name: "".join(shlex.split(value)) for name, value in _ASSIGNMENT.findall(printed.decode())}


def _wait_until_it_answers(process: "subprocess.Popen[bytes]", url: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(f"{url}/sandbox/health", timeout=5).close()
            return
        except OSError:
            if time.monotonic() > end or process.poll() is not None:
                raise
            time.sleep(0.02)


def _drain(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdout is not None
    for _ in process.stdout:
        pass
