"""CPU of servers that are not children of this program: a process with all that it started."""

import psutil
from sqlalchemy import text

from tuyahouse.warehouse.warehouse import Warehouse


def cpu_of(process: psutil.Process) -> float:
    """CPU seconds of a process and its children, those that have ended included."""
    times = process.cpu_times()
    seconds: float = times.user + times.system + times.children_user + times.children_system
    for child in process.children():
        try:
            seconds += cpu_of(child)
        except psutil.NoSuchProcess:  # it ended meanwhile: its parent counts it
            continue
    return seconds


def server_of(warehouse: Warehouse) -> psutil.Process | None:
    """The main process of the PostgreSQL of a warehouse, which runs on this machine; None for SQLite."""
    if warehouse.dialect == "sqlite":
        return None
    with warehouse.read() as conn:
        backend = psutil.Process(conn.execute(text("SELECT pg_backend_pid()")).scalar_one())
    return backend.parent()
