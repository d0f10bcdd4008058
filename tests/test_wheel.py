"""What `pip install tuyahouse` gives: the library and its program, and nothing that collides with other packages."""

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    there = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(there)]
    command = [sys.executable, "-m", "pip", *build, str(ROOT)]
    subprocess.run(command, check=True, timeout=300, cwd=there)
    (built,) = there.glob("tuyahouse-*.whl")
    return built


def test_the_wheel_holds_the_library_alone(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"tuyahouse"}


def test_the_program_works_beside_flows_and_tasks_of_other_people(wheel: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True, timeout=120)
    python = tmp_path / "venv" / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", str(wheel)]
    subprocess.run(install, check=True, timeout=120)
    (tmp_path / "theirs" / "flows").mkdir(parents=True)
    (tmp_path / "theirs" / "flows" / "__init__.py").write_text("raise RuntimeError('not ours')")
    (tmp_path / "theirs" / "tasks.py").write_text("raise RuntimeError('not ours')")
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{tmp_path / 'theirs'}:{sysconfig.get_path('purelib')}"}
    for words, code in ((["--help"], 0), (["status", "--help"], 0), (["dead-letters", "--help"], 0), (["flows"], 2)):
        for program in ([str(python.with_name("tuyahouse"))], [str(python), "-m", "tuyahouse"]):
            done = subprocess.run(
                [*program, *words], cwd=tmp_path / "theirs", env=env, capture_output=True, text=True, timeout=60
            )
            assert (done.returncode, "not ours" in done.stderr) == (code, False), done.stderr
    assert "Run flows from the top of the repository" in done.stderr
    where = [str(python), "-c", "import tuyahouse; print(tuyahouse.__file__)"]
    found = subprocess.run(where, cwd=tmp_path / "theirs", env=env, capture_output=True, text=True).stdout
    assert Path(found.strip()).is_relative_to(tmp_path)
