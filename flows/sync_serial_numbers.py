"""Register serial numbers from a file, a pattern or a query."""

from typing import Annotated, Any

from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import SecretStr

from flows.parameters import AccountName, Described, RunKey
from tasks.run.flow import flow
from tasks.run.run import running
from tasks.serial_numbers import publish_intake, register_serial_numbers

Path = Annotated[str | None, Described("CSV, Excel or Parquet file, as the worker sees it")]
Pattern = Annotated[str | None, Described("First and last of a range, e.g. YZCB04ZZR00001..YZCB04ZZR09999")]
QueryUrl = Annotated[
    SecretStr | None,
    Described(
        "Database to query: env:NAME, where NAME is a variable of the worker that holds a SQLAlchemy URL. Prefect keeps "
        "what is typed here, so a URL with a password is refused",
        pattern=r"^(?!.*://[^/@]*:[^/]*@)",
    ),
]
Query = Annotated[str | None, Described("SQL that returns a column sn and, as an option, order_code")]
WorkOrder = Annotated[str | None, Described("Work order of those that come without one")]


@flow(name="sync_serial_numbers", flow_run_name="serial numbers {account}")
async def sync_serial_numbers(
    account: AccountName,
    run_key: RunKey = None,
    path: Path = None,
    pattern: Pattern = None,
    query_url: QueryUrl = None,
    query: Query = None,
    work_order: WorkOrder = None,
) -> State[Any]:
    """Registers serial numbers: Tuya has no list of them, so they come from a file, a range pattern or a SQL query.

    Exactly one source. Registering the same ones again changes nothing; rows that cannot be used are dead letters
    (`rejected`), which does not make the run red.
    """
    given = {"path": path, "pattern": pattern, "query": query, "work_order": work_order}
    async with running("sync_serial_numbers", account, run_key, given) as run:
        taken = await register_serial_numbers(run.account, run.id, path, pattern, query_url, query, work_order)
        run.notes.append(await publish_intake(run.account, taken))
    return Completed(message=run.notes[-1])
