"""An analyst's way: a warehouse that a night filled, the URL in the environment, one line of Python, a chart."""

import json
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.marts.example import ACCOUNT, AS_OF, RULES, fill
from tuyahouse.warehouse.marts import MARTS
from tuyahouse.warehouse.marts.refresh import refresh
from tuyahouse.warehouse.warehouse import Warehouse

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "analysts.md").read_text()
README = (DOCS.parent / "README.md").read_text()


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


def test_three_commands_lead_from_the_readme_to_a_frame_and_to_a_chart(
    environment_of_analyst: dict[str, str], tmp_path: Path
) -> None:
    """The block of the README as it stands, without what ``pip`` would fetch; that of the page for analysts is it."""
    [block] = [block for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if "savefig" in block]
    commands = [line.partition("  #")[0].strip() for line in block.strip().splitlines()]
    assert len(commands) == 3 and commands == PAGE.split("```sh\n")[1].split("```")[0].strip().splitlines()
    url = environment_of_analyst["TUYAHOUSE_WAREHOUSE_URL"]
    typed = "\n".join(commands).replace("postgresql://reader@db.example/warehouse", url)
    env = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "MPLBACKEND": "Agg", "HOME": str(tmp_path)}
    script = f"set -e; pip() {{ :; }}\n{typed}\n"
    done = subprocess.run(["sh", "-c", script], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "day.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("warehouse_url", ["sqlite"], indirect=True)
def test_the_notebook_runs_from_its_first_cell_to_its_last(
    environment_of_analyst: dict[str, str], tmp_path: Path
) -> None:
    cells = json.loads((DOCS / "analysts.ipynb").read_text())["cells"]
    assert all(cell["outputs"] == [] for cell in cells if cell["cell_type"] == "code"), "a run was saved with it"
    code = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    code += "\nprint(orders.progress.tolist(), waits.node.tolist())"
    env = environment_of_analyst | {"MPLBACKEND": "Agg", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert "late" in done.stdout and "n3" in done.stdout
    assert (tmp_path / "pareto.png").read_bytes().startswith(b"\x89PNG")


def test_the_role_of_the_page_reads_marts_and_neither_tokens_nor_the_vendors_data(
    environment_of_analyst: dict[str, str], warehouse: Warehouse
) -> None:
    if warehouse.dialect == "sqlite":
        return
    name = "reader_of_the_page"
    [block] = [block for block in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL) if "CREATE ROLE" in block]
    with psycopg.connect(environment_of_analyst["TUYAHOUSE_WAREHOUSE_URL"], autocommit=True) as admin:
        try:
            admin.execute(block.replace("reader", name))  # type: ignore[arg-type]
            admin.execute(f"SET ROLE {name}")  # type: ignore[arg-type]
            for mart in MARTS:
                admin.execute(f"SELECT * FROM {mart} LIMIT 1")  # type: ignore[arg-type]
            for closed in ("ops_token", "device", "raw_block", "raw_message", "device_history"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    admin.execute(f"SELECT * FROM {closed}")  # type: ignore[arg-type]
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                admin.execute("DELETE FROM mart_unit")
        finally:
            admin.execute(f"RESET ROLE; DROP OWNED BY {name}; DROP ROLE {name}")  # type: ignore[arg-type]
