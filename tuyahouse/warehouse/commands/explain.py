"""Everything the warehouse holds on one command: its row, who said what when, the messages and the newest answer."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from tuyahouse.warehouse.ledgers import raw_blocks
from tuyahouse.warehouse.shared.origins import Fields, letters_of, messages_of, rows_of, runs_of
from tuyahouse.warehouse.tables import command, command_observation

KIND = "command"
"""The kind of raw blocks and dead letters of commands."""


@dataclass(frozen=True, slots=True)
class ExplainedCommand:
    """Rows as column → value; observations by the time at which they happened."""

    command_sn: str
    row: Fields | None
    observations: list[Fields]
    messages: list[Fields]
    runs: list[Fields]
    dead_letters: list[Fields]
    answer: raw_blocks.Found | None

    @property
    def is_known(self) -> bool:
        return any((self.row, self.observations, self.dead_letters))


def explain_command(conn: Connection, account: str, command_sn: str) -> ExplainedCommand:
    """Its row, every observation of API and messages, the messages, the runs that wrote it, dead letters and the
    newest answer that brought a status."""
    rows = rows_of(conn, select(command).where(command.c.account == account, command.c.command_sn == command_sn))
    said = command_observation.c
    wanted = select(command_observation).where(said.account == account, said.command_sn == command_sn)
    observations = rows_of(conn, wanted.order_by(said.happened_at, said.observed_at, said.source))
    answer = raw_blocks.find(conn, account, KIND, command_sn)
    return ExplainedCommand(
        command_sn,
        next(iter(rows), None),
        observations,
        messages_of(conn, account, observations),
        runs_of(conn, [*rows, *([{"last_run": answer.run_id}] if answer else [])]),
        letters_of(conn, account, KIND, command_sn),
        answer,
    )
