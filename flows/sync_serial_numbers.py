"""Register serial numbers from a file, a pattern or a query."""

from typing import Annotated, Any

from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import BeforeValidator, SecretStr

from flows.parameters import AccountName, Described, RunKey
from tasks.marts import refresh_marts
from tasks.run.flow import flow
from tasks.run.run import running
from tasks.serial_numbers import publish_intake, register_serial_numbers
from tuyahouse.sync.intake.query import TYPED_URL, TYPED_URL_REFUSED, may_be_typed

Path = Annotated[str | None, Described("CSV, Excel or Parquet file, as the worker sees it")]
Pattern = Annotated[str | None, Described("First and last of a range, e.g. YZCB04ZZR00001..YZCB04ZZR09999")]


def _without_password(typed: Any) -> Any:
    """Refuse a URL with a password, in words that do not repeat it, before ``env:NAME`` is looked up."""
    text = typed.get_secret_value() if isinstance(typed, SecretStr) else typed
    if isinstance(text, str) and text and not may_be_typed(text):
        raise ValueError(TYPED_URL_REFUSED)
    return typed


QueryUrl = Annotated[
    SecretStr | None,
    BeforeValidator(_without_password),
    Described(
        "Database to query: env:NAME, where NAME is a variable of the worker that holds a SQLAlchemy URL. Prefect "
        "keeps what is typed here, so a URL with a password is refused",
        pattern=TYPED_URL,
    ),
]
Query = Annotated[str | None, Described("SQL query that returns a column sn and, optionally, order_code")]
Sheet = Annotated[
    str | None, Described("The only sheet of a workbook to read; empty: all visible sheets that have the column")
]
Column = Annotated[str | None, Described("Heading of the serial numbers, if it is unusual")]
WorkOrder = Annotated[str | None, Described("Work order of rows that name none")]


@flow(name="sync_serial_numbers", flow_run_name="serial numbers {account}")
async def sync_serial_numbers(
    account: AccountName = None,
    run_key: RunKey = None,
    path: Path = None,
    pattern: Pattern = None,
    query_url: QueryUrl = None,
    query: Query = None,
    work_order: WorkOrder = None,
    sheet: Sheet = None,
    column: Column = None,
) -> State[Any]:
    """Registers serial numbers: Tuya has no list of them, so they come from a file, a range pattern or a SQL query.

    Give exactly one source. Registering the same ones again changes nothing. Rows that cannot be used become dead
    letters (`rejected`), which does not make the run red.
    """
    given = {
        "path": path,
        "pattern": pattern,
        "query_url": query_url.get_secret_value() if query_url else None,  # may_be_typed: it holds no password
        "query": query,
        "work_order": work_order,
        "sheet": sheet,
        "column": column,
    }
    async with running("sync_serial_numbers", account, run_key, given) as run:
        taken = await register_serial_numbers(run.run, path, pattern, query_url, query, work_order, sheet, column)
        run.notes.append(await publish_intake(run.account, taken))
        await refresh_marts(run.account)
    return Completed(message=run.notes[-1])
