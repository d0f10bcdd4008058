"""What may be typed as the URL of a query, and what Prefect therefore stores."""

import pytest

from tuyahouse.sync.intake.query import may_be_typed

WITH_A_PASSWORD = [
    "postgresql://mes:in-the-clear-1@db/mes",
    "postgresql://mes:a/in-the-clear-1@db/mes",
    "postgresql://db/mes?user=mes&password=in-the-clear-1",
    "\npostgresql://mes:in-the-clear-1@db/mes",
]
"""Each way in which a password comes with a URL; ``in-the-clear-1`` is in all of them."""


@pytest.mark.parametrize(
    "url",
    [
        *WITH_A_PASSWORD,
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
    assert not may_be_typed(url)


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
    assert may_be_typed(url)
