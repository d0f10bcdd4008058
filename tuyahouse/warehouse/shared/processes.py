"""Names of processes, by which another process on the same machine can see that a holder is dead."""

import os
import socket
from functools import cache
from pathlib import Path


def this_process() -> str:
    """``host/machine/pid/start``: the same text for the life of this process."""
    pid = os.getpid()
    return f"{socket.gethostname()}/{_machine()}/{pid}/{_started(pid)}"


def is_dead(process: str | None) -> bool:
    """True if the process ran on this machine and is certainly gone; False if that cannot be determined from here."""
    parts = (process or "").split("/")
    if len(parts) != 4 or not _machine() or parts[0] != socket.gethostname() or parts[1] != _machine():
        return False
    return _started(int(parts[2])) != parts[3]


@cache
def _machine() -> str:
    """This boot and this container: process ids are unique only within. Empty if the system does not provide them."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
        return boot + "-" + os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Start of a process in clock ticks since boot; empty if there is none or it is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in ("Z", "X") else fields[19]
