"""``python -m tuyahouse.sandbox`` says what it needs and how it is reached."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.sandbox import Sandbox
from tuyahouse.sandbox.__main__ import main
from tuyahouse.sandbox.messages.publishing import Publisher
from tuyahouse.sandbox.world.faults import FAULTS
from tuyahouse.sandbox.world.options import Options
from tuyahouse.sandbox.world.world import World


def test_it_prints_the_settings_that_reach_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "8900", "--print-env"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "export TUYAHOUSE_ACCOUNTS__DEMO__BASE_URL=http://127.0.0.1:8900" in lines
    assert "export TUYAHOUSE_ACCOUNTS__DEMO__PMS_PASSWORD=factory-night" in lines


def test_a_fault_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--fault", "bussy=0.1"]) == 2
    assert "There is no fault 'bussy'. There are: busy, " in capsys.readouterr().err


def test_an_option_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--set", "colour=red"]) == 2
    assert "colour" in capsys.readouterr().err


def test_the_help_names_every_fault_and_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in [*FAULTS, *Options.__struct_fields__])


def test_it_writes_the_serial_numbers_of_its_factory(tmp_path: Path) -> None:
    file = tmp_path / "sns.csv"
    main(["--serial-numbers", "4", "--write-serial-numbers", str(file), "--print-env"])
    assert file.read_text().splitlines()[:2] == ["sn,work_order", "YZCB04ZZR00001,YZCB04ZZR"]


def test_options_and_faults_of_the_command_line_hold(sandboxes: Callable[..., Sandbox]) -> None:
    sandbox = sandboxes("--serial-numbers", "12", "--fault", "busy=0.25", "--set", "projects=a,b", "--quota", "9")
    options = sandbox.control("options")
    assert (options["serial_numbers"], options["projects"], options["quota"]) == (12, ["a", "b"], 9)
    assert sandbox.control("faults")["rates"] == {"busy": 0.25}


def test_a_publisher_publishes_every_day_once() -> None:
    world = World(Options(devices=20))
    sent: list[tuple[bytes, str]] = []
    publisher = Publisher(world, lambda payload, properties, key: sent.append((payload, key)))
    first = publisher.catch_up()
    assert (first, publisher.catch_up()) == (len(sent), 0)
    world.change({"day": 2})
    assert publisher.catch_up() > first
    assert {key for _, key in sent} <= {device.device_id for device in world.field.devices}
