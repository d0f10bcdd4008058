"""What Prefect refuses to store as the URL of a query."""

import re

import pytest

from flows.sync_serial_numbers import QUERY_URL


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:secret@host/db",
        "postgresql://u:pa/ss@host/db",
        "postgresql://u:p@ss/w?x#y@host/db",
        "postgresql://host/db?user=u&password=secret",
        "postgresql://host/db?sslmode=require&PASSWORD=secret",
        "postgresql://host/db?sslmode=require%26password=secret#password=x",
        "mssql+pyodbc://?odbc_connect=DRIVER%3Dx%3BPWD%3Dsecret",
        "\npostgresql://u:secret@host/db",
        "\nenv:MES",
        "env:MES\n",
        "env:MES\npostgresql://u:secret@host/db",
        " postgresql://u:secret@host/db",
        "postgresql://host/db\n?password=secret",
        "env:postgresql://u:secret@host/db",
        "u:secret@host",
    ],
)
def test_a_url_that_could_hold_a_password_is_refused(url: str) -> None:
    assert re.search(QUERY_URL, url) is None


@pytest.mark.parametrize(
    "url",
    [
        "env:MES_URL",
        "sqlite:////data/mes.db",
        "sqlite:///C:/data/my mes.db",
        "postgresql://mes:5432/factory",
        "postgresql://reader@mes:5432/factory?sslmode=require",
        "postgresql+psycopg://[::1]:5432/factory?sslmode=require&connect_timeout=5",
    ],
)
def test_a_url_without_one_is_taken(url: str) -> None:
    assert re.search(QUERY_URL, url)
