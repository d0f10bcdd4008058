"""The image runs as nobody in particular, on a file system that it cannot write to."""

from tests.containers.conftest import Podman

CONFINED = (
    *("run", "--rm", "--pull=never", "--network=none", "--read-only", "--cap-drop=all"),
    *("--security-opt", "no-new-privileges"),
)


def test_it_is_not_root_and_has_a_health_check(podman: Podman, image: str) -> None:
    told = podman.inspect("image", image)
    assert told["Config"]["User"] == "10001:10001"
    assert told["Healthcheck"]["Test"][-1] == "deployments.health"


def test_it_is_no_larger_than_it_has_to_be(podman: Podman, image: str) -> None:
    told = podman.inspect("image", image)
    base = podman.inspect("image", "docker.io/library/python:3.11-slim-bookworm")
    assert (told["Size"] - base["Size"]) / 1e6 < 900


def test_program_and_flows_run_confined(podman: Podman, image: str) -> None:
    assert "tuyahouse" in podman.run(*CONFINED, image, "tuyahouse", "--version")
    assert "nightly_sync" in podman.run(*CONFINED, image, "python3", "-m", "flows", "--list")
    assert "10001" in podman.run(*CONFINED, image, "id", "-u")


def test_nothing_can_be_written_outside_of_tmp(podman: Podman, image: str) -> None:
    printed = podman.run(*CONFINED, image, "sh", "-c", "touch /app/x /opt/tuyahouse/x; touch /tmp/x && echo well")
    assert printed.count("Read-only file system") == 2 and "well" in printed


def test_no_secret_and_no_settings_are_in_it(podman: Podman, image: str) -> None:
    told = podman.inspect("image", image)
    assert not [each for each in told["Config"]["Env"] if "SECRET" in each or "PASSWORD" in each or "AUTH" in each]
    found = podman.run(
        *CONFINED, image, "find", "/app", "-name", "*.toml", "-o", "-name", "*.env", "-o", "-name", "secrets"
    )
    assert [line for line in found.splitlines() if line.startswith("/app")] == []
