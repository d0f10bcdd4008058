"""An analyst's way: a warehouse that a night filled, the URL in the environment, one line of Python, a chart."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.marts.example import ACCOUNT, AS_OF, RULES, fill
from tuyahouse.warehouse.marts.refresh import refresh
from tuyahouse.warehouse.warehouse import Warehouse

PAGE = (Path(__file__).parents[2] / "docs" / "analysts.md").read_text()


@pytest.fixture
def environment_of_analyst(warehouse: Warehouse, warehouse_url: str) -> dict[str, str]:
    fill(warehouse)
    refresh(warehouse, ACCOUNT, RULES, AS_OF)
    return {"TUYAHOUSE_WAREHOUSE_URL": warehouse_url, "PATH": ""}


def python(code: str, env: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=env, capture_output=True, text=True, timeout=90
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_url_of_the_warehouse_is_all_that_a_frame_needs(environment_of_analyst: dict[str, str]) -> None:
    code = "from tuyahouse import frames; print(frames.read('mart_day_summary', account='f')['finished'].max())"
    assert python(code, environment_of_analyst) == "4\n"


def test_the_lines_of_python_on_the_page_for_analysts_run(environment_of_analyst: dict[str, str]) -> None:
    lines = PAGE.split("```python\n")[1].split("```")[0].replace('account="factory"', 'account="f"')
    assert "frames.chunks" in lines and "frames.arrow" in lines
    python(lines, environment_of_analyst)


def test_the_first_chart_of_the_page_draws_two_columns_that_there_are(environment_of_analyst: dict[str, str]) -> None:
    """Without matplotlib, which draws it, up to the values that are drawn."""
    [line] = [line for line in PAGE.splitlines() if line.startswith('python -c "')]
    code = line.removeprefix('python -c "').removesuffix('"')
    head, _, rest = code.partition(".plot(")
    columns = rest.partition(")")[0]
    found = python(f"{head}; print(len({head.partition('; ')[2]}[[{columns}]]))", environment_of_analyst)
    assert int(found) >= 2
