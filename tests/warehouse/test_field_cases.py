"""Databases as they are met in the field: what is understood works, the rest is refused in words."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from sqlalchemy import create_engine, make_url, text

from tests.support.postgres import OwnPostgres
from tuyahouse.warehouse.database.address import parse_url
from tuyahouse.warehouse.errors import ValueRefused, WarehouseAway, WarehouseError
from tuyahouse.warehouse.serial_numbers.explain import explain_sn
from tuyahouse.warehouse.warehouse import Warehouse

REFUSED = {
    "a port that is a word": ("postgresql://u@h:port/db", "a port that is not a number"),
    "?ssl=": ("postgresql://u@h/db?ssl=true", "sslmode=require"),
    "?schema=": ("postgresql://u@h/db?schema=tuya", "search_path"),
    "?charset=": ("postgresql://u@h/db?charset=utf8", "leave it out"),
    "a misspelt sslmode": ("postgresql://u@h/db?sslmode=requires", "verify-full"),
}


@pytest.mark.parametrize(("url", "words"), REFUSED.values(), ids=REFUSED)
def test_a_url_that_names_what_no_driver_knows_is_refused_with_what_to_write(url: str, words: str) -> None:
    with pytest.raises(WarehouseError, match=words):
        parse_url(url)


def test_of_several_hosts_the_one_that_answers_is_used(fresh_postgres_url: str) -> None:
    url = make_url(fresh_postgres_url)
    if not url.host:  # the server listens on a socket alone
        assert parse_url("postgresql://u@one:1,two:2/db").query["host"] == ("one:1", "two:2")
        return
    hosts = f"127.0.0.1:1,{url.host}:{url.port or 5432}"
    several = url.set(host="HOSTS", port=None).render_as_string(hide_password=False).replace("HOSTS", hosts)
    Warehouse.open(several).close()


@pytest.mark.parametrize(("encoding", "refused"), [("SQL_ASCII", False), ("LATIN1", True)])
def test_a_database_in_another_encoding(own_postgres: OwnPostgres, encoding: str, refused: bool) -> None:
    url = make_url(own_postgres.url).set(drivername="postgresql+psycopg")
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        conn.execute(text(f"CREATE DATABASE odd TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"))
    admin.dispose()
    odd = url.set(drivername="postgresql", database="odd").render_as_string(hide_password=False)
    if refused:
        with pytest.raises(WarehouseError, match=r"encoded in LATIN1.*ENCODING 'UTF8'"):
            Warehouse.open(odd)
    else:
        Warehouse.open(odd).close()


def test_a_schema_of_search_path_that_is_not_there_is_said(fresh_postgres_url: str) -> None:
    url = make_url(fresh_postgres_url).update_query_dict({"options": "-csearch_path=nowhere"})
    with pytest.raises(WarehouseError, match=r"no schema to put tables into.*CREATE SCHEMA"):
        Warehouse.open(url.render_as_string(hide_password=False))


# ------------------------------------------------------------------------------------------- servers of all languages

SPOKEN = {
    "German, password": ("28P01", "SCHWERWIEGEND", "Passwort-Authentifizierung für Benutzer »x« fehlgeschlagen"),
    "Chinese, database": ("3D000", "致命错误", '数据库 "db" 不存在'),
    "French, role": ("28000", "FATAL", "le rôle « x » n'existe pas"),
}


@pytest.fixture
def speaking() -> Iterator[Callable[..., str]]:
    """URL of a server that refuses every connection with this SQLSTATE, severity and text."""
    listening: list[socket.socket] = []

    def start(sqlstate: str, severity: str, text: str) -> str:
        listening.append(socket.create_server(("127.0.0.1", 0)))
        fields = {"S": severity, "V": "FATAL", "C": sqlstate, "M": text}
        body = b"".join(f"{kind}{value}\0".encode() for kind, value in fields.items()) + b"\0"
        refusal = b"E" + struct.pack("!i", len(body) + 4) + body
        threading.Thread(target=_refuse_all, args=(listening[-1], refusal), daemon=True).start()
        return f"postgresql://x:s3cret@127.0.0.1:{listening[-1].getsockname()[1]}/db"

    yield start
    for one in listening:
        one.close()


def _refuse_all(listening: socket.socket, refusal: bytes) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                if connection.recv(65536)[4:8] == struct.pack("!i", 80877103):  # asks for TLS first
                    connection.sendall(b"N")
                    connection.recv(65536)
                connection.sendall(refusal)


@pytest.mark.parametrize(("sqlstate", "severity", "said"), SPOKEN.values(), ids=SPOKEN)
def test_a_server_that_refuses_in_another_language_is_understood(
    speaking: Callable[..., str], sqlstate: str, severity: str, said: str
) -> None:
    with pytest.raises(WarehouseError, match=r"refuses the connection: .*\(user, password, database\)") as error:
        Warehouse.open(speaking(sqlstate, severity, said))
    assert said in str(error.value) and "Check that it runs" not in str(error.value)
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize("said", ["no pg_hba.conf entry for host", "kein pg_hba.conf-Eintrag", "没有 pg_hba.conf 条目"])
def test_a_missing_line_in_pg_hba_is_said_in_every_language(speaking: Callable[..., str], said: str) -> None:
    with pytest.raises(WarehouseError, match=r"add a line for this host.*sslmode=require"):
        Warehouse.open(speaking("28000", "FATAL", said))


def test_a_server_that_is_starting_passes(speaking: Callable[..., str]) -> None:
    with pytest.raises(WarehouseAway, match="cannot be reached"):
        Warehouse.open(speaking("57P03", "FATAL", "the database system is starting up"))


def test_nul_in_a_parameter_is_refused_in_words_and_never_as_sql(fresh_postgres_url: str) -> None:
    opened = Warehouse.open(fresh_postgres_url)
    with pytest.raises(ValueRefused, match="cannot hold a value") as refused, opened.read() as conn:
        explain_sn(conn, "demo", "S\0")
    opened.close()
    assert "SELECT" not in str(refused.value) and "NUL" in str(refused.value)
