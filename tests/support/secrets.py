"""Where secrets must not be: in files (logs, SQLite databases, Prefect's own) and in tables of PostgreSQL.

A secret leaks in more spellings than its own: in a URL, in JSON, in Base64, as hex, compressed inside a raw block. The
compressed ones are opened here; the others are looked for as such.
"""

import base64
import sqlite3
import urllib.parse
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import zstandard
from psycopg import sql

from tests.support.sandbox import Sandbox

_FRAME = b"\x28\xb5\x2f\xfd"
_SHORTEST = 8


def secrets_of(sandbox: Sandbox) -> list[str]:
    """Client secret, passwords and every token that the sandbox has handed out by now."""
    known: list[str] = sandbox.control("secrets")
    return known


def leaks_in_files(secrets: Iterable[str], *places: Path) -> list[str]:
    """``file: secret`` for each file, in these directories or named itself, that holds one of them in some spelling."""
    spelled = _spellings(secrets)
    files = [file for place in places for file in (place.rglob("*") if place.is_dir() else [place]) if file.is_file()]
    found = [f"{file}: {secret}" for file in files for secret in _held(spelled, file.read_bytes())]
    for file in files:
        with file.open("rb") as opened:
            is_sqlite = opened.read(16) == b"SQLite format 3\0"
        if is_sqlite:
            found += [f"{file} {where}" for where in _leaks(spelled, _sqlite_values(file))]
    return found


def leaks_in_postgres(secrets: Iterable[str], url: str) -> list[str]:
    """``table.column: secret`` for each value of this database that holds one of them in some spelling."""
    with psycopg.connect(url) as connection:
        return _leaks(_spellings(secrets), _postgres_values(connection))


def leaks_in_text(secrets: Iterable[str], text: str) -> list[str]:
    """Those of the secrets that a text holds in some spelling."""
    return _held(_spellings(secrets), text.encode())


def _spellings(secrets: Iterable[str]) -> dict[str, list[bytes]]:
    spelled = {}
    for secret in secrets:
        if len(secret) < _SHORTEST:
            raise ValueError(f"too short to be told from other text: {secret!r}")
        raw = secret.encode()
        # Base64 depends on where in a longer text the secret begins: three forms, without their uncertain ends.
        shifted = [base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4] for shift in range(3)]
        spelled[secret] = [raw, urllib.parse.quote(secret, safe="").encode(), raw.hex().encode(), *shifted]
    return spelled


def _held(spelled: dict[str, list[bytes]], value: bytes) -> list[str]:
    return [secret for secret, forms in spelled.items() if any(form in value for form in forms)]


def _leaks(spelled: dict[str, list[bytes]], values: Iterator[tuple[str, Any]]) -> list[str]:
    return [f"{where}: {secret}" for where, value in values for secret in _held(spelled, _bytes(value))]


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes | memoryview):
        plain = bytes(value)
        return plain + _unpacked(plain) if plain.startswith(_FRAME) else plain
    return value.encode() if isinstance(value, str) else msgspec.json.encode(value)


def _unpacked(block: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(block)


def _sqlite_values(file: Path) -> Iterator[tuple[str, Any]]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            rows = connection.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in rows.description]
            yield from _values(table, names, rows)


def _postgres_values(connection: "psycopg.Connection[Any]") -> Iterator[tuple[str, Any]]:
    tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    for (table,) in tables:
        rows = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
        names = [column.name for column in rows.description or ()]
        yield from _values(table, names, rows)


def _values(table: str, names: list[str], rows: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for row in rows:
        for name, value in zip(names, row, strict=True):
            if value is not None:
                yield f"{table}.{name}", value
