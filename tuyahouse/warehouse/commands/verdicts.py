"""Compares what API and messages reported of commands, for a whole set of commands in one statement.

The rules come from outside as numbers (:class:`Rules`); this module only reads words and ages from the rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, TextClause, bindparam, text

from tuyahouse.warehouse.database.dialect import join_as_sets
from tuyahouse.warehouse.database.types import UtcTime

WORDS, AGES = 8, 3
CHANGED = (
    "device_id",
    "process_status",
    "message",
    "happened_at",
    "api_status",
    "message_status",
    "verdict",
    "begun_at",
    "ended_at",
)


@dataclass(frozen=True)
class Rules:
    """The table of verdicts, cell by cell, and what ages a command.

    A cell's number is ``(api * WORDS + message) * AGES + age``, with the words 0 nothing, 1 to 5 that status, 6 another
    status, 7 contradiction, and the ages 0 young, 1 past its deadline, 2 given up.
    """

    verdicts: Mapping[str, Sequence[int]]
    settled: Sequence[int]
    deadline: timedelta
    deadline_by_product_type: Mapping[str, timedelta]
    give_up_after: timedelta
    back_after: timedelta


def judge_set(
    conn: Connection, account: str, above: str, up_to: str, rules: Rules, *, now: datetime, run_id: str
) -> int:
    """Decide every command with a number in (``above``, ``up_to``]; writes those that change, returns their number."""
    join_as_sets(conn)
    kinds = {f"type_{place}": kind for place, kind in enumerate(rules.deadline_by_product_type)}
    values = {"account": account, "above": above, "up_to": up_to, "now": now, "run_id": run_id, **kinds}
    changed = conn.execute(_statement(conn.dialect.name, rules), values).rowcount
    # The sqlite3 driver does not count for a statement that begins with WITH.
    return changed if conn.dialect.name == "postgresql" else int(conn.execute(text("SELECT changes()")).scalar_one())


def _statement(dialect: str, rules: Rules) -> TextClause:
    sql = _POSTGRESQL if dialect == "postgresql" else _SQLITE
    statement = f"""
        WITH observed AS ({_observations()}),
        said AS ({_said()}),
        words AS ({_words(sql, rules)}),
        judged AS ({_judged(rules)})
        UPDATE command SET {", ".join(f"{name} = judged.{name}" for name in CHANGED)},
            done_at = CASE WHEN judged.settled = 1 THEN COALESCE(command.done_at, :now) END,
            last_run = :run_id
        FROM judged
        WHERE command.account = :account AND command.command_sn = judged.command_sn
            AND command.command_sn > :above AND command.command_sn <= :up_to
            AND ({" OR ".join(f"command.{name} {sql.differs} judged.{name}" for name in CHANGED)}
                OR (command.done_at IS NULL) = (judged.settled = 1))
    """
    return text(statement).bindparams(bindparam("now", type_=UtcTime()))


@dataclass(frozen=True)
class _Sql:
    """Where the dialects differ."""

    differs: str
    later: str
    seconds_since: str


_POSTGRESQL = _Sql(
    differs="IS DISTINCT FROM",
    later="({time} + interval '{seconds} seconds')",
    seconds_since="EXTRACT(EPOCH FROM (:now - {time}))",
)
_SQLITE = _Sql(
    differs="IS NOT",
    later="(strftime('%Y-%m-%d %H:%M:%f', {time}, '+{seconds} seconds') || '000')",  # six decimals, as stored
    seconds_since="ROUND((julianday(:now) - julianday({time})) * 86400.0, 3)",
)

FINAL = "process_status IN (3, 4)"


def _observations() -> str:
    """Observations of the set. That with ``place`` 1 gives the status: the first final one, else the newest."""
    return f"""
        SELECT command_sn, source, process_status, happened_at, observed_at, device_id, message,
            ROW_NUMBER() OVER (PARTITION BY command_sn ORDER BY
                CASE WHEN {FINAL} THEN 0 ELSE 1 END,
                CASE WHEN {FINAL} THEN observed_at END,
                CASE WHEN {FINAL} THEN happened_at END,
                happened_at DESC, process_status DESC, source) AS place
        FROM command_observation
        WHERE account = :account AND command_sn > :above AND command_sn <= :up_to
    """


def _said() -> str:
    """One row for each command: when each source first or last reported which status."""
    return f"""
        SELECT command_sn, {_times("a", "api", "observed_at")}, {_times("m", "message", "happened_at")},
            MIN(happened_at) AS begun_at, MIN(happened_at) FILTER (WHERE {FINAL}) AS ended_at,
            MAX(observed_at) AS reported_at,
            COALESCE(MAX(device_id) FILTER (WHERE place = 1), MAX(device_id)) AS device_id,
            MAX(process_status) FILTER (WHERE place = 1) AS process_status,
            MAX(message) FILTER (WHERE place = 1) AS message,
            MAX(happened_at) FILTER (WHERE place = 1) AS happened_at
        FROM observed GROUP BY command_sn
    """


def _times(name: str, source: str, time: str) -> str:
    of_source = f"source = '{source}'"
    lines = [
        f"MAX({time}) FILTER (WHERE {of_source} AND process_status = {status}) AS {name}{status}"
        for status in (1, 2, 5)
    ]
    lines += [
        f"MIN({time}) FILTER (WHERE {of_source} AND process_status = {status}) AS {name}{status}" for status in (3, 4)
    ]
    lines += [
        f"MAX({time}) FILTER (WHERE {of_source} AND NOT {FINAL}) AS {name}_open",
        f"MAX({time}) FILTER (WHERE {of_source} AND process_status NOT IN (1, 2, 3, 4, 5)) AS {name}6",
        f"MAX(process_status) FILTER (WHERE {of_source} AND process_status NOT IN (1, 2, 3, 4, 5)) AS {name}_other",
    ]
    return ", ".join(lines)


def _words(sql: _Sql, rules: Rules) -> str:
    """One row for each command: the word of each source, and the command's age."""
    return f"""
        SELECT c.command_sn, COALESCE(c.device_id, s.device_id) AS device_id,
            COALESCE(s.process_status, c.process_status) AS process_status, s.message,
            COALESCE(s.happened_at, c.happened_at) AS happened_at, s.a_other, s.m_other,
            s.begun_at, s.ended_at,
            CASE WHEN s.a3 <= s.a4 OR s.a4 IS NULL THEN 3 ELSE 4 END AS a_first,
            CASE WHEN s.m3 <= s.m4 OR s.m4 IS NULL THEN 3 ELSE 4 END AS m_first,
            {_word(sql, "a", timedelta(0))} AS api, {_word(sql, "m", rules.back_after)} AS message_word,
            {_age(sql, rules)} AS age
        FROM command c
        LEFT JOIN said s ON s.command_sn = c.command_sn
        LEFT JOIN device d ON d.account = c.account AND d.device_id = COALESCE(c.device_id, s.device_id)
        WHERE c.account = :account AND c.command_sn > :above AND c.command_sn <= :up_to
    """


def _word(sql: _Sql, name: str, back_after: timedelta) -> str:
    first_final = f"COALESCE(s.{name}3, s.{name}4)"
    back_from = sql.later.format(time=first_final, seconds=back_after.total_seconds()) if back_after else first_final
    return f"""CASE
        WHEN s.{name}3 IS NOT NULL AND s.{name}4 IS NOT NULL THEN 7
        WHEN s.{name}_open > {back_from} THEN 7
        WHEN s.{name}3 IS NOT NULL THEN 3
        WHEN s.{name}4 IS NOT NULL THEN 4
        WHEN s.{name}_open IS NULL THEN 0
        WHEN s.{name}6 = s.{name}_open THEN 6
        WHEN s.{name}5 = s.{name}_open THEN 5
        WHEN s.{name}2 = s.{name}_open THEN 2
        ELSE 1 END"""


def _age(sql: _Sql, rules: Rules) -> str:
    open_for = sql.seconds_since.format(time="COALESCE(s.begun_at, c.added_at)")
    silent_for = sql.seconds_since.format(time="COALESCE(s.reported_at, c.unknown_since, c.added_at)")
    return f"""CASE
        WHEN {open_for} <= {_deadline(rules)} THEN 0
        WHEN c.first_asked_at IS NOT NULL AND {silent_for} > {rules.give_up_after.total_seconds()} THEN 2
        ELSE 1 END"""


def _deadline(rules: Rules) -> str:
    usual = str(rules.deadline.total_seconds())
    cases = [
        f"WHEN :type_{place} THEN {limit.total_seconds()}"
        for place, limit in enumerate(rules.deadline_by_product_type.values())
    ]
    return f"CASE d.product_type {' '.join(cases)} ELSE {usual} END" if cases else usual


def _judged(rules: Rules) -> str:
    number = f"(api * {WORDS} + message_word) * {AGES} + age"
    kinds = " ".join(f"WHEN {number} IN ({_numbers(cells)}) THEN '{kind}'" for kind, cells in rules.verdicts.items())
    return f"""
        SELECT command_sn, device_id, process_status, message, happened_at, begun_at, ended_at,
            {_status("api", "a")} AS api_status, {_status("message_word", "m")} AS message_status,
            CASE {kinds} END AS verdict,
            CASE WHEN {number} IN ({_numbers(rules.settled)}) THEN 1 ELSE 0 END AS settled
        FROM words
    """


def _status(word: str, name: str) -> str:
    """A word as the status it stands for."""
    return f"CASE {word} WHEN 0 THEN NULL WHEN 6 THEN {name}_other WHEN 7 THEN {name}_first ELSE {word} END"


def _numbers(cells: Sequence[int]) -> str:
    return ", ".join(map(str, cells))
