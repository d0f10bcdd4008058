"""The URL of a warehouse: which ones are accepted, and what is wrong with the others, in words."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from tuyahouse.warehouse.errors import WarehouseError

_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_OTHERS_WORDS = {
    "ssl": "write sslmode=require, or sslmode=verify-full with sslrootcert=FILE",
    "schema": "write options=-csearch_path%3Dmy_schema",
    "charset": "leave it out: tuyahouse always speaks UTF-8",
    "encoding": "leave it out: tuyahouse always speaks UTF-8",
}
"""Options of other drivers, and what to write instead."""

_SEVERAL_HOSTS = re.compile(
    r"^(?P<before>\w+(?:\+\w+)?://(?:[^/?#]*@)?)(?P<hosts>[^/?#@]*,[^/?#@]*)(?P<after>.*)$", re.DOTALL
)


def parse_url(url: str) -> URL:
    """The SQLAlchemy URL, PostgreSQL always by psycopg 3.

    Of several hosts (``postgresql://user@first:5432,second:5432/database``) the first one that can be written is used.

    Raises:
        WarehouseError: for another kind of database, SQLite without a file, or an option that the driver does not know.
    """
    url, hosts = _without_several_hosts(url)
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise WarehouseError(
            "TUYAHOUSE_WAREHOUSE_URL is not a database URL. Write sqlite:///file.db or postgresql://user@host/database."
        ) from None
    except ValueError:
        raise WarehouseError(
            "TUYAHOUSE_WAREHOUSE_URL has a port that is not a number. Write postgresql://user@host:5432/database; a "
            "colon, a slash or an @ inside the password is written %3A, %2F or %40."
        ) from None
    kind = parsed.drivername.split("+")[0]
    if kind in ("postgresql", "postgres"):
        return _postgres(parsed, hosts)
    if kind != "sqlite":
        raise WarehouseError(f"TUYAHOUSE_WAREHOUSE_URL names {kind}: tuyahouse writes to sqlite and postgresql only.")
    if not parsed.database or parsed.database == ":memory:":
        raise WarehouseError(
            "TUYAHOUSE_WAREHOUSE_URL names no file: write sqlite:///file.db (processes share the file)."
        )
    return parsed.set(drivername="sqlite")


def sqlite_path(url: URL) -> Path:
    """The file behind a SQLite URL."""
    return Path((url.database or "").removeprefix("file:").partition("?")[0])


def shown(url: URL) -> str:
    """The URL for messages: without password and query."""
    if url.drivername == "sqlite":
        return str(sqlite_path(url))
    return url.set(query={}).render_as_string(hide_password=True).replace("+psycopg", "")


def whole(url: URL) -> str:
    """:func:`shown` with the whole path of a file: a relative one means another file in another folder."""
    return str(sqlite_path(url).absolute()) if url.drivername == "sqlite" else shown(url)


def whole_address(url: str) -> str:
    """The database that a setting names, for people."""
    return whole(parse_url(url))


def _without_several_hosts(url: str) -> tuple[str, list[str]]:
    """The URL with only its first host, and all hosts if there are several."""
    found = _SEVERAL_HOSTS.match(url.strip())
    if found is None:
        return url, []
    hosts = found["hosts"].split(",")
    return f"{found['before']}{hosts[0]}{found['after']}", hosts


def _postgres(url: URL, hosts: Sequence[str]) -> URL:
    _require_known_options(url.query)
    url = url.set(drivername="postgresql+psycopg")
    if not hosts:
        return url
    writable = {} if "target_session_attrs" in url.query else {"target_session_attrs": "read-write"}
    return url.set(host="", port=None).update_query_dict({"host": list(hosts), **writable})


def _require_known_options(options: Mapping[str, str | Sequence[str]]) -> None:
    for name, value in options.items():
        if name not in _known_options():
            instead = _OTHERS_WORDS.get(name, "see the connection parameters of PostgreSQL's libpq")
            raise WarehouseError(
                f"TUYAHOUSE_WAREHOUSE_URL has an option {name!r} that PostgreSQL does not know: {instead}."
            )
        if name == "sslmode" and value not in _SSL_MODES:
            raise WarehouseError(
                f"TUYAHOUSE_WAREHOUSE_URL has sslmode={value}, which does not exist. "
                f"Write one of {', '.join(_SSL_MODES)}."
            )


@cache
def _known_options() -> frozenset[str]:
    from psycopg import pq

    return frozenset(option.keyword.decode() for option in pq.Conninfo.get_defaults())
