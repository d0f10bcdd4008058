"""Names skipped tests at the end; on CI, no test may be skipped."""

import os
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

HOW_TO_GET_IT = "make system"


def skips_are_failures(environment: dict[str, str] | None = None) -> bool:
    """Whether this run accepts no skip: on CI, or asked for by ``TUYAHOUSE_NO_SKIP=1``."""
    env = os.environ if environment is None else environment
    return any(env.get(name, "").lower() in ("1", "true", "yes") for name in ("CI", "TUYAHOUSE_NO_SKIP"))


def reason_of(report: Any) -> str:
    """Why a skipped test was skipped."""
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def fail_if_skipped(report: Any) -> None:
    """Turn a skipped report into a failed one, unless it is an expected failure."""
    if report.skipped and not hasattr(report, "wasxfail"):
        report.longrepr = f"Skipped, and this run accepts no skip: {reason_of(report)}"
        report.outcome = "failed"


def summary(reports: Iterable[Any]) -> list[str]:
    """Lines that tell what was skipped, how often and how to get it; none if nothing was."""
    count: dict[str, int] = defaultdict(int)
    for report in reports:
        count[reason_of(report)] += 1
    if not count:
        return []
    lines = [f"{number} test{'s' if number > 1 else ''}: {reason}" for reason, number in sorted(count.items())]
    return [*lines, f"What is missing is listed and, where you may, installed by: {HOW_TO_GET_IT}"]
