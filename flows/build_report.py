"""Write the report of an account into a file."""

from pathlib import Path
from typing import Annotated, Any, Literal

from prefect.client.schemas.objects import State
from pydantic import Field

from flows.parameters import AccountName, Described, RunKey
from tasks.report import publish_report, write_report
from tasks.run.flow import flow
from tasks.run.run import final_state, running

Out = Annotated[
    Annotated[str, Field(min_length=1)] | None,
    Described("HTML file to write, as the worker sees it, e.g. /srv/factory.html; empty: ACCOUNT.html in REPORT_DIR"),
]
Language = Annotated[Literal["en", "zh"] | None, Described("Language: en or zh; empty: the account's REPORT_LANGUAGE")]


@flow(name="build_report", flow_run_name="report {account}")
async def build_report(
    account: AccountName = None, out: Out = None, language: Language = None, run_key: RunKey = None
) -> State[Any]:
    """Writes one HTML page for a plant manager: orders behind, yield, rework, stuck units, devices, commands, runs.

    It reads the marts as their newest refresh left them, and needs neither Tuya nor a network. The file is replaced
    once the new one is complete. An artifact says where it is; it is a link where REPORT_URL says how browsers find it.
    """
    async with running("build_report", account, run_key, {"out": out, "language": language}) as run:
        built = await write_report(run.account, Path(out) if out else None, language)
        run.notes.append(
            f"{built.out}: {built.size / 1000:,.0f} kB, as of {built.as_of or 'never: no mart was refreshed'}"
        )
        if not out:
            await publish_report(run.resources, built)
    return final_state(run)
