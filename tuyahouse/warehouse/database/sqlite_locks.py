"""Beginning a transaction of SQLite: a wait for another process is said in the log, bounded, and ends on Ctrl-C."""

import logging
import os
import sqlite3
import time
from pathlib import Path

from sqlalchemy import URL, Connection
from sqlalchemy.exc import OperationalError

from tuyahouse.foreign_text import plain
from tuyahouse.redaction import SECRETS
from tuyahouse.warehouse.database.address import sqlite_path
from tuyahouse.warehouse.database.patience import Wait, is_too_long, seconds_left
from tuyahouse.warehouse.errors import WaitedTooLong, WarehouseError

log = logging.getLogger("tuyahouse.warehouse")

BUSY_SECONDS = 60
"""For all statements but the first of a transaction. With a log written ahead these have nothing to wait for."""
_IN_C = 0.5
"""SQLite itself waits where nothing interrupts it: for this many seconds at a time."""
_WRITE_LOCK = ("120", "120")
"""First and last byte of the lock of a writer in the file ``-shm`` (https://sqlite.org/walformat.html)."""


class SqliteLocks:
    """Waits for other processes that have locked the file, for up to ``bound`` seconds a time.

    It also sees to it that the file stays the one that was opened: of a file that was deleted, SQLite would go on to
    write what nobody can read.
    """

    def __init__(self, url: URL, bound: float) -> None:
        self._file, self._bound = sqlite_path(url), bound
        self._opened: tuple[int, int] | None = None

    def begin(self, connection: Connection) -> None:
        """Begin a transaction. A writer takes the write lock first: a reader that turns writer could not wait for it.

        Raises:
            WaitedTooLong: another process has held the file for longer than may be waited.
            WarehouseError: the file was deleted, or another one took its place.
        """
        self.require_same_file()
        writes = connection.get_execution_options().get("tuyahouse_writes", False)
        wait = Wait.begin()
        while True:
            left = seconds_left(self._bound, wait.seconds(time.monotonic()))
            _let_sqlite_wait(connection, min(left, _IN_C))
            try:
                _begin(connection, writes)
                break
            except OperationalError as error:
                if not is_busy(error.orig):
                    raise
                self._go_on_or_raise(wait)
        _let_sqlite_wait(connection, BUSY_SECONDS)

    def keep_a_log(self, connection: sqlite3.Connection) -> None:
        """Write ahead, so that readers and the writer do not wait for each other.

        Of processes that open a new file at the same moment SQLite refuses some at once instead of letting them wait.
        """
        wait = Wait.begin()
        connection.execute(f"PRAGMA busy_timeout = {_IN_C * 1000:.0f}")
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                self._opened = self._opened or self._identity()
                return
            except sqlite3.OperationalError as error:
                if not is_busy(error):
                    raise
            self._go_on_or_raise(wait)
            time.sleep(0.01)

    def require_same_file(self) -> None:
        """Raise WarehouseError if the file was deleted, or another one took its place."""
        if self._opened and self._identity() != self._opened:
            raise WarehouseError(
                f"The warehouse {self._file} was deleted, moved or replaced after this process had opened it. What was "
                "committed since then is lost. Put the file back, or continue with the present one, and start this "
                "again."
            )

    def _identity(self) -> tuple[int, int] | None:
        """Device and number of the file; None if there is none."""
        try:
            found = os.stat(self._file)
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _go_on_or_raise(self, wait: Wait) -> None:
        waited = wait.seconds(time.monotonic())
        if is_too_long(waited, self._bound):
            raise WaitedTooLong(
                f"The warehouse {self._file} was locked by {holder(self._file)} for {waited:.0f} s, "
                f"longer than LOCK_WAIT. End that transaction, then start this again."
            )
        if wait.is_due(time.monotonic()):
            log.warning(
                "The warehouse %s is locked by %s. Work continues when that transaction ends, if it does within "
                "%.0f s (LOCK_WAIT).",
                self._file,
                holder(self._file),
                self._bound,
            )


def is_busy(error: BaseException | None) -> bool:
    """Whether another process holds the lock that a statement needs."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def holder(file: Path) -> str:
    """The process that writes to the file, as far as the system shows it: its id and command line."""
    try:
        locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
        files = {_number(file): None, _number(Path(f"{file}-shm")): _WRITE_LOCK}
    except OSError:
        return "another process"
    for _, kind, _, mode, pid, place, *span in (line for line in locks if len(line) == 8 and line[1] != "->"):
        inode = place.rpartition(":")[2]
        if kind == "POSIX" and mode == "WRITE" and inode in files and files[inode] in (None, tuple(span)):
            return f"process {pid}{_command(pid)}"
    return "another process"


def _number(file: Path) -> str:
    return str(os.stat(file).st_ino)


def _command(pid: str) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ").strip()
    except OSError:
        return ""
    return f" ({SECRETS.text(plain(words[:80]))})" if words else ""


def _begin(connection: Connection, writes: bool) -> None:
    if writes:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    connection.exec_driver_sql("BEGIN")
    try:
        connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1")  # a reader takes its lock with its first row
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise


def _let_sqlite_wait(connection: Connection, seconds: float) -> None:
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")
