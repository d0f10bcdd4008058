"""Progress that a person can read, and silence where nobody looks."""

import io
import logging

import pytest
from rich.console import Console

from tasks.run.shown_progress import share_done
from tuyahouse.outcome import Outcome
from tuyahouse.terminal import CurrentWork, Tracker, duration, outcome_table, print_outcomes, track


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def screen(*, terminal):
    return Console(file=io.StringIO(), force_terminal=terminal, width=160, color_system=None)


def shown(table):
    console = Console(file=io.StringIO(), width=200, color_system=None)
    console.print(table)
    return console.file.getvalue()


def test_without_a_terminal_there_is_a_log_line_every_thirty_seconds_and_one_at_the_end(caplog):
    clock = Clock()
    with caplog.at_level(logging.INFO), track("sn_flows", 100, console=screen(terminal=False), clock=clock) as tracker:
        for second in range(1, 71):
            clock.now = second
            tracker.advance()
            tracker.spend(1, int(second <= 2))
    assert caplog.messages == [
        "sn_flows: 30 of 100 (30 %), 1.0/s, 70 s left, 29 calls (2 failed)",
        "sn_flows: 60 of 100 (60 %), 1.0/s, 40 s left, 59 calls (2 failed)",
        "sn_flows: 70 of 100 (70 %), 1.0/s, 30 s left, 70 calls (2 failed)",
    ]


def test_log_lines_carry_the_numbers_as_fields(caplog):
    with caplog.at_level(logging.INFO), track("sn_flows", 10, console=screen(terminal=False)) as tracker:
        tracker.advance(4)
    record = caplog.records[-1]
    assert (record.done, record.total, record.calls, record.failures) == (4, 10, 0, 0)


def test_work_of_unknown_length_shows_no_share(caplog):
    clock = Clock()
    with caplog.at_level(logging.INFO), track("intake", console=screen(terminal=False), clock=clock) as tracker:
        clock.now = 2.0
        tracker.advance(5000)
    assert caplog.messages == ["intake: 5,000, 2,500.0/s"]


def test_nothing_to_do_divides_by_nothing(caplog):
    with caplog.at_level(logging.INFO), track("sn_flows", 0, console=screen(terminal=False), clock=Clock()):
        pass
    assert caplog.messages == ["sn_flows: 0 of 0, 0.0/s"]


def test_without_a_terminal_nothing_is_drawn():
    console = screen(terminal=False)
    with track("sn_flows", 10, console=console) as tracker:
        tracker.advance(10)
    assert console.file.getvalue() == ""


def test_in_a_terminal_the_line_ends_with_the_last_state_and_nothing_is_logged(caplog):
    console = screen(terminal=True)
    with caplog.at_level(logging.INFO), track("sn_flows", 10, console=console) as tracker:
        tracker.advance(10)
        tracker.spend(12, 1)
    assert "sn_flows: 10 of 10 (100 %)" in console.file.getvalue()
    assert "12 calls (1 failed)" in console.file.getvalue()
    assert caplog.messages == []


def test_an_error_inside_still_shows_how_far_it_came(caplog):
    console = screen(terminal=False)
    with caplog.at_level(logging.INFO), pytest.raises(RuntimeError), track("sn_flows", 10, console=console) as tracker:
        tracker.advance(3)
        raise RuntimeError
    assert caplog.messages[0].startswith("sn_flows: 3 of 10 (30 %)")


def test_reports_from_deep_inside_reach_the_work_that_is_tracked(caplog):
    work = CurrentWork()
    with caplog.at_level(logging.INFO), work.of("sn_flows", 10, console=screen(terminal=False), clock=Clock()):
        work.advance()
        work.advance(2)
        work.spend(4, 1)
    assert caplog.messages == ["sn_flows: 3 of 10 (30 %), 0.0/s, 4 calls (1 failed)"]


def test_work_inside_work_counts_for_itself_and_the_outer_one_goes_on(caplog):
    work, console = CurrentWork(), screen(terminal=False)
    with caplog.at_level(logging.INFO), work.of("outer", console=console, clock=Clock()):
        work.advance()
        with work.of("inner", console=console, clock=Clock()):
            work.advance(5)
        work.advance()
    assert [message.split(",")[0] for message in caplog.messages] == ["inner: 5", "outer: 2"]


def test_reports_while_nothing_is_tracked_go_nowhere(caplog):
    work = CurrentWork()
    with caplog.at_level(logging.INFO):
        with work.of("done", console=screen(terminal=False), clock=Clock()):
            pass
        work.advance(7)
        work.spend(7)
    assert caplog.messages == ["done: 0, 0.0/s"]


def test_all_work_inside_is_gathered_once_by_the_outermost(caplog):
    current = CurrentWork()
    with current.gathered() as trackers:
        with current.gathered() as inner, current.of("one", 10):
            current.advance(4)
        with current.of("two"):
            current.advance()
    assert inner is None
    assert [(one.title, one.done, one.total) for one in trackers] == [("one", 4, 10), ("two", 1, None)]


def test_the_share_done_counts_what_has_an_amount_and_is_whole_only_when_the_run_ends():
    def work(done, total):
        return Tracker("", total, Clock(), lambda _: None, 1.0, done)

    assert share_done([]) == share_done([work(3, None)]) == 0.0
    assert share_done([work(1, 3), work(5, None), work(2, 5)]) == 37.5
    assert share_done([work(3, 3)]) == 99.0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (720, "12 min"), (12_000, "3 h 20 min")]
)
def test_a_duration_reads_as_people_say_it(seconds, text):
    assert duration(seconds) == text


def test_the_outcome_table_sums_and_marks_what_does_not_balance():
    good = Outcome(asked=1000, answered=990, empty=10, calls=1003)
    bad = Outcome(asked=5, answered=4)
    text = shown(outcome_table({"sn_flows": good, "craft_line": bad}, title="nightly"))
    rows = {cells[1].strip(): cells[2:-1] for line in text.splitlines() if len(cells := line.split("│")) > 2}
    assert [cell.strip() for cell in rows["asked"]] == ["1,000", "5", "1,005"]
    assert [cell.strip() for cell in rows["balanced"]] == ["yes", "NO", "NO"]


def test_the_outcome_table_of_runs_says_how_each_ended_and_not_that_its_counts_add_up():
    outcomes = {"sync_sn_flows": Outcome(asked=2, answered=2), "sync_devices": Outcome()}
    statuses = {"nightly_sync": "failed", "sync_sn_flows": "balanced", "sync_devices": "failed"}
    text = shown(outcome_table(outcomes, statuses=statuses))
    last = next(line for line in text.splitlines() if "status" in line)
    assert [cell.strip() for cell in last.split("│")[1:-1]] == ["status", "balanced", "failed", ""]
    assert "yes" not in text


def test_no_more_is_done_than_there_is(caplog):
    with caplog.at_level(logging.INFO), track("list", 266, console=screen(terminal=False), clock=Clock()) as tracker:
        tracker.advance(200)
        tracker.advance(219)
    assert caplog.messages == ["list: 266 of 266 (100 %), 0.0/s"]


PARTS = ("sync_devices", "sync_accounts", "sync_sn_flows", "reconcile_commands", "nightly_sync")


@pytest.mark.parametrize("terminal", [True, False])
def test_at_80_columns_no_number_and_no_heading_of_a_night_is_cut(terminal):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=80, color_system=None)
    outcomes = {name: Outcome(asked=300_000, calls=1_234_567) for name in PARTS}
    print_outcomes(console, outcomes, dict.fromkeys(PARTS, "interrupted"))
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    (calls,) = [line for line in lines if "calls" in line]
    assert calls.count("1,234,567") == len(PARTS) and "6,172,835" in calls
    assert "…" not in "".join(lines)
    assert (max(map(len, lines)) <= 80) == terminal
    headings = {word for line in lines for word in line.replace("┃", " ").split()}
    assert {"reconcile_", "commands", "sn_flows"} <= headings if terminal else set(PARTS) <= headings


def test_a_table_of_one_outcome_has_no_sum():
    assert " all " not in shown(outcome_table({"sn_flows": Outcome()}))
