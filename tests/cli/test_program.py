"""The program as a process: how it starts, what it prints where, and how it ends."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import PROGRAM
from tuyahouse.warehouse.warehouse import Warehouse


def line_with(stream, part: str) -> str:
    """Read lines until one holds ``part``."""
    for line in stream:
        if part in line:
            return line
    raise AssertionError(f"it ended without {part!r}")


def run(*arguments: str, **changed: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [PROGRAM, *arguments], env={**os.environ, **changed}, capture_output=True, text=True, timeout=60
    )


def test_an_error_is_a_sentence_on_standard_error_and_no_traceback(program) -> None:
    ended = program("sn", "add", "-a", "nobody", "--pattern", "A1..A2")
    out, err = ended.communicate(timeout=60)
    assert (ended.returncode, out) == (1, "")
    assert err.startswith("There is no account 'nobody' (there are: demo).")
    assert "Traceback" not in err


def test_a_reader_that_closes_the_pipe_early_is_not_an_error(program, tmp_path: Path) -> None:
    ended = program("dictionary")
    ended.stdout.readline()
    ended.stdout.close()
    ended.wait(60)
    assert "Traceback" not in ended.stderr.read()


def test_ctrl_c_ends_with_130_and_a_sentence_and_keeps_what_is_committed(program, sqlite_url: str) -> None:
    running = program("sn", "add", "-a", "demo", "--pattern", "A0000001..A9999999")
    end = time.monotonic() + 60
    while rows(sqlite_url, "serial_number") == 0:
        assert time.monotonic() < end
        time.sleep(0.2)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert err.splitlines()[-1].startswith("Interrupted. What was committed stays")
    assert "Traceback" not in err
    assert rows(sqlite_url, "serial_number") >= 5000


def rows(url: str, table: str) -> int:
    """How many there are, while another process writes."""
    if not Path(url.removeprefix("sqlite:///")).exists():
        return 0
    warehouse = Warehouse.open(url)
    with warehouse.read() as conn:
        count = conn.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
    warehouse.close()
    return count


# ------------------------------------------------------------------------------------------------------------- sandbox


def test_what_print_env_prints_is_evaluated_by_a_shell_and_reaches_other_programs() -> None:
    script = f'eval "$({PROGRAM} sandbox --port 8900 --print-env)" && env'
    ended = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60, env={"PATH": os.defpath})
    assert (ended.returncode, ended.stderr) == (0, "")
    there = dict(line.split("=", 1) for line in ended.stdout.splitlines())
    assert there["TUYAHOUSE_ACCOUNTS__DEMO__BASE_URL"] == "http://127.0.0.1:8900"
    assert there["TUYAHOUSE_ACCOUNTS__DEMO__PMS_PASSWORD"] == "factory-night"


def test_the_sandbox_says_where_its_serial_numbers_are(program, tmp_path: Path) -> None:
    running = program("sandbox", "--port", "0", "--serial-numbers", "12")
    get = line_with(running.stdout, "curl -o units.csv ").split("curl -o units.csv ")[1].strip()
    add = line_with(running.stdout, "tuyahouse sn add").split("tuyahouse ")[1].split()
    line_with(running.stdout, "__BASE_URL=")
    with urllib.request.urlopen(get, timeout=20) as file:
        (tmp_path / "units.csv").write_bytes(file.read())
    ended = program(*add[:-1], str(tmp_path / add[-1]))
    out, _ = ended.communicate(timeout=60)
    assert (ended.returncode, "12 registered" in out) == (0, True)


def test_a_sandbox_serves_with_its_options_until_ctrl_c(program, tmp_path: Path) -> None:
    options = ["--seed", "7", "--serial-numbers", "12", "--day", "3", "--fault", "busy=0.05", "--set", "quota=9"]
    running = program("sandbox", "--port", "0", *options, "--write-serial-numbers", str(tmp_path / "sns.csv"))
    url = line_with(running.stdout, "__BASE_URL=").split("=", 1)[1].strip()
    assert answer(f"{url}/sandbox/faults")["rates"] == {"busy": 0.05}
    shown = answer(f"{url}/sandbox/options")
    assert {name: shown[name] for name in ("seed", "serial_numbers", "day", "quota")} == {
        "seed": 7,
        "serial_numbers": 12,
        "day": 3,
        "quota": 9,
    }
    assert len((tmp_path / "sns.csv").read_text().splitlines()) == 13
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert (running.returncode, err) == (130, "The sandbox has ended.\n")


def answer(url: str, seconds: float = 20):
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as got:
                return json.load(got)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--fault", "hiccup=1"], "There is no fault 'hiccup'"),
        (["--fault", "busy=lots"], "is not NAME=RATE"),
        (["--set", "colour=red"], "colour"),
        (["--set", "quota"], "is not NAME=VALUE"),
        (["--pulsar-url", "pulsar://127.0.0.1:9", "--pulsar-password", "env:NOT_SET"], "NOT_SET is not set"),
    ],
)
def test_a_sandbox_that_cannot_be_is_a_usage_error(cli, wrong: list[str], said: str) -> None:
    result = cli("sandbox", "--port", "0", *wrong)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_port_that_is_taken_is_one_sentence(cli, sandbox) -> None:
    port = sandbox.url.rsplit(":", 1)[1]
    result = cli("sandbox", "--port", port)
    assert result.exit_code == 1
    assert result.stderr == (
        f"Nothing can listen at 127.0.0.1, port {port}: Address already in use. "
        "Name another --port (0 picks a free one) or --host.\n"
    )


def test_a_pulsar_that_is_not_there_is_one_sentence(cli) -> None:
    result = cli("sandbox", "--port", "0", "--pulsar-url", "pulsar://127.0.0.1:9", "--pulsar-password", "secret-one")
    assert result.exit_code == 1
    assert result.stderr.startswith("Nothing can be published at pulsar://127.0.0.1:9 as admin: ")
    assert "secret-one" not in result.output


# ------------------------------------------------------------------------------------------------------------- consume


def test_consume_stores_messages_until_sigterm(program: Callable, sqlite_url: str) -> None:
    running = program("consume", "--account", "demo", "--metrics-port", "0", "--metrics-address", "127.0.0.1")
    port = line_with(running.stderr, "Metrics at port").split("port ")[1].split(":")[0]
    end = time.monotonic() + 60
    while rows(sqlite_url, "raw_message") == 0:
        assert time.monotonic() < end
        time.sleep(0.2)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as metrics:
        assert b"tuyahouse_" in metrics.read()
    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 0
    assert err.splitlines()[-1].startswith("Stopped. ")


def test_consume_refuses_a_secret_that_cannot_be_a_key(cli) -> None:
    result = cli("consume", "-a", "demo", CLIENT_SECRET="short")
    assert result.exit_code == 1
    assert "CLIENT_SECRET cannot decrypt messages" in result.stderr


@pytest.mark.parametrize("words", [("sn", "list"), ("dead-letters", "list")], ids=" ".join)
@pytest.mark.parametrize("limit", ["0", "-3", "many", "9" * 20])
def test_a_wrong_limit_is_refused_with_what_to_write(program, words, limit) -> None:
    process = program(*words, "-a", "demo", "--limit", limit)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "at least 1, as digits only" in errors and "leave it out" in errors
