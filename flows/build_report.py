"""Write the report of an account into a file."""

from pathlib import Path
from typing import Annotated, Any, Literal

from prefect.client.schemas.objects import State
from pydantic import Field

from flows.parameters import AccountName, Described, RunKey
from tasks.report import write_report
from tasks.run.flow import flow
from tasks.run.run import final_state, running

Out = Annotated[
    str, Field(min_length=1), Described("HTML file to write, as the worker sees it, e.g. /srv/reports/factory.html")
]
Language = Annotated[Literal["en", "zh"] | None, Described("Language: en or zh; empty: the account's REPORT_LANGUAGE")]


@flow(name="build_report", flow_run_name="report {account}")
async def build_report(
    account: AccountName = None, *, out: Out, language: Language = None, run_key: RunKey = None
) -> State[Any]:
    """Writes one HTML page for a plant manager: orders behind, yield, rework, stuck units, devices, commands, runs.

    It reads the marts as their newest refresh left them, and needs neither Tuya nor a network. The file is replaced
    when the new one is whole.
    """
    async with running("build_report", account, run_key, {"out": out, "language": language}) as run:
        built = await write_report(run.account, Path(out), language)
        run.notes.append(
            f"{built.out}: {built.size / 1000:,.0f} kB, as of {built.as_of or 'never: no mart was refreshed'}"
        )
    return final_state(run)
