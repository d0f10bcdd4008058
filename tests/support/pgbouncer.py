"""A pgbouncer that pools by transaction: each transaction may meet another session of the server behind it."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from tests.support.ports import free_port

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


class PgBouncer:
    """``url`` is that of the same database, reached through the pooler."""

    def __init__(self, url: str, sessions: int = 3) -> None:
        assert PROGRAM
        server = make_url(url)
        self._folder = tempfile.TemporaryDirectory(prefix="pgb-", ignore_cleanup_errors=True)
        folder, port = Path(self._folder.name), free_port()
        place = server.query.get("host") or server.host
        host = f"host={place} port={server.port or server.query.get('port') or 5432} user={server.username}"
        (folder / "users.txt").write_text(f'"{server.username}" "{server.password or ""}"\n')
        (folder / "pgbouncer.ini").write_text(
            f"[databases]\n{server.database} = {host} dbname={server.database}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = trust\n"
            f"auth_file = {folder}/users.txt\npool_mode = transaction\ndefault_pool_size = {sessions}\n"
        )
        _for_all(folder)
        self.process = subprocess.Popen(
            [PROGRAM, *_as_another_user(str(place)), "-q", str(folder / "pgbouncer.ini")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self.url = f"postgresql://{server.username}@127.0.0.1:{port}/{server.database}"
        self._wait()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self._folder.cleanup()

    def _wait(self) -> None:
        end = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url).close()
                return
            except psycopg.OperationalError as error:
                if self.process.poll() is not None or time.monotonic() > end:
                    self.process.kill()
                    raise AssertionError(f"{error}\n{self.process.communicate()[1].decode()}") from None
            time.sleep(0.1)


def _as_another_user(server: str) -> list[str]:
    """It does not run as root: then as the one to whom the server's socket belongs."""
    if os.getuid() != 0:
        return []
    owner = Path(server).stat().st_uid if server.startswith("/") else 0
    return ["-u", pwd.getpwuid(owner).pw_name if owner else "nobody"]


def _for_all(folder: Path) -> None:
    folder.chmod(0o755)
    for file in folder.iterdir():
        file.chmod(0o644)
