"""The manifests of Kubernetes: what kustomize renders is valid, its pods run in podman, and a night in them ends green.

podman plays pods. What a cluster does beside that is done here: a pod is made from each template, the kubelet fills in
secrets and variables, and asks the probes.
"""

import base64
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.containers.conftest import Podman
from tests.containers.installation import Installation

NETWORK = "tuyahouse-pods"
Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def folder(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """deployments/ as its operator fills it in: secrets, and settings of the account ``factory`` in the sandbox."""
    made = tmp_path_factory.mktemp("site") / "deployments"
    shutil.copytree(checkout / "deployments", made)
    subprocess.run([made / "compose/prepare", "--sandbox"], check=True, capture_output=True)
    example = made / "kubernetes/overlays/example"
    shutil.copytree(made / "compose/secrets", example / "secrets")
    for secret in (example / "secrets/worker").glob("*__DEMO__*"):
        secret.rename(secret.with_name(secret.name.replace("__DEMO__", "__FACTORY__")))
    (example / "accounts.env").write_text(
        (made / "compose/accounts.env").read_text().replace("__DEMO__", "__FACTORY__")
    )
    return made


def rendered(folder: Path, overlay: str) -> list[Manifest]:
    if shutil.which("kubectl") is None:
        pytest.skip("manifests are rendered by kubectl, which is not on this machine")
    command = ["kubectl", "kustomize", str(folder / "kubernetes/overlays" / overlay)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return list(yaml.safe_load_all(printed))


@pytest.mark.parametrize("overlay", ["example", "pod-per-run"])
def test_what_kustomize_renders_is_valid(folder: Path, overlay: str) -> None:
    manifests = rendered(folder, overlay)
    kinds = {one["kind"] for one in manifests}
    assert {"Deployment", "Job", "Service", "Secret", "ConfigMap", "NetworkPolicy", "PodDisruptionBudget"} <= kinds
    for one in manifests:
        kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)


@dataclass(frozen=True)
class Pod:
    """One that podman plays, and where the kubelet would ask whether it is well: port and path."""

    name: str
    spec: Manifest
    probes: set[tuple[int, str]]


def pods_of(workload: Manifest, secrets: Path) -> list[Pod]:
    """The pods that a cluster makes of this. One has the name of its service; several have a number too."""
    name, replicas = workload["metadata"]["name"], workload["spec"].get("replicas", 1)
    names = [name] if replicas == 1 else [f"{name}-{number}" for number in range(1, replicas + 1)]
    spec = workload["spec"]["template"]["spec"]
    for volume in spec["volumes"]:
        if secret := volume.pop("secret", None):
            volume["hostPath"] = {"path": str(secrets / secret["secretName"]), "type": "Directory"}
    probes: set[tuple[int, str]] = set()
    for container in spec["containers"]:
        known = {one["name"]: one["value"] for one in container.get("env", []) if "value" in one}
        container["args"] = [re.sub(r"\$\((\w+)\)", partial(_value_in, known), word) for word in container["args"]]
        ports = {one["name"]: one["containerPort"] for one in container.pop("ports", [])}  # podman would publish them
        asked = [container.pop(f"{kind}Probe")["httpGet"] for kind in ("startup", "liveness", "readiness") if ports]
        probes |= {(ports[one["port"]], one["path"]) for one in asked}
    return [Pod(one, spec, probes) for one in names]


def _value_in(known: dict[str, str], found: re.Match[str]) -> str:
    return known[found[1]]


class Played(Installation):
    """The pods of the example, beside a PostgreSQL and a sandbox."""

    def __init__(self, podman: Podman, folder: Path, manifests: list[Manifest]) -> None:
        self.podman, self._file = podman, folder / "pods.yaml"
        self._write_secrets(folder / "mounted", manifests)
        workloads = [one for one in manifests if one["kind"] in ("Deployment", "Job")]
        self.pods = [pod for one in workloads for pod in pods_of(one, folder / "mounted")]
        configured = [one for one in manifests if one["kind"] == "ConfigMap"]
        played = [
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": one.name}, "spec": one.spec} for one in self.pods
        ]
        self._file.write_text(yaml.safe_dump_all([*configured, *played]))
        self._start(folder / "compose")
        prefect, sandbox = self.address("prefect-server"), _address(podman, "tuyahouse-pods-sandbox")
        super().__init__(f"http://{prefect}:4200", f"http://{sandbox}:8900", folder / "compose/secrets", self.logs)

    def _write_secrets(self, mounted: Path, manifests: list[Manifest]) -> None:
        for one in (each for each in manifests if each["kind"] == "Secret"):
            place = mounted / one["metadata"]["name"]
            place.mkdir(parents=True)
            for name, value in one["data"].items():
                (place / name).write_bytes(base64.b64decode(value))

    def _start(self, compose: Path) -> None:
        self.podman.run("network", "create", NETWORK)
        beside = ("run", "-d", "--pull=never", "--network", NETWORK, "--name")
        told = yaml.safe_load((compose / "compose.yaml").read_text())["services"]
        postgres, sandbox = told["postgres"], told["sandbox"]
        env = [word for name, value in postgres["environment"].items() for word in ("-e", f"{name}={value}")]
        own = ("-v", f"{compose}/secrets/postgres:/run/secrets:ro")
        init = ("-v", f"{compose}/databases.sql:/docker-entrypoint-initdb.d/databases.sql:ro")
        alias = ("--network-alias", "postgres")
        self.podman.run(*beside, "tuyahouse-pods-postgres", *alias, *env, *own, *init, postgres["image"])
        alias = ("--network-alias", "sandbox")
        self.podman.run(*beside, "tuyahouse-pods-sandbox", *alias, sandbox["image"], *sandbox["command"])
        self.podman.run("kube", "play", "--network", NETWORK, str(self._file))

    def address(self, pod: str) -> str:
        """The address of a pod."""
        return _address(self.podman, self.podman.inspect("pod", pod)["InfraContainerID"])

    def logs(self) -> str:
        names = [f"{pod.name}-{each['name']}" for pod in self.pods for each in pod.spec["containers"]]
        return "\n".join(self.podman.run("logs", name, check=False)[-1500:] for name in names)


def _address(podman: Podman, container: str) -> str:
    address: str = podman.inspect("container", container)["NetworkSettings"]["Networks"][NETWORK]["IPAddress"]
    return address


def remove(podman: Podman) -> None:
    listed = podman.run("pod", "ps", "--format", "{{.Name}}", "--filter", f"network={NETWORK}", check=False).split()
    for pod in listed:
        podman.run("pod", "rm", "--force", "--time", "5", pod, check=False)
    podman.run("rm", "--force", "--volumes", "tuyahouse-pods-postgres", "tuyahouse-pods-sandbox", check=False)
    podman.run("network", "rm", "--force", NETWORK, check=False)


@pytest.fixture(scope="module")
def played(podman: Podman, image: str, folder: Path) -> Iterator[Played]:
    manifests = rendered(folder, "example")
    remove(podman)
    (used,) = {each["image"] for one in manifests if one["kind"] == "Deployment" for each in containers_of(one)}
    podman.run("tag", image, used)
    try:
        yield Played(podman, folder, manifests)
    finally:
        remove(podman)
        podman.run("rmi", "--force", used, check=False)


def containers_of(workload: Manifest) -> list[Manifest]:
    found: list[Manifest] = workload["spec"]["template"]["spec"]["containers"]
    return found


def test_every_probe_is_answered(played: Played) -> None:
    probed = [(pod, probe) for pod in played.pods for probe in pod.probes]
    assert [pod.name for pod, _ in probed] == ["consumer", "metrics", "prefect-server", "worker-1", "worker-2"]
    for pod, (port, path) in probed:
        played.wait_for(partial(_is_well, f"http://{played.address(pod.name)}:{port}{path}"))


def _is_well(url: str) -> bool:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return bool(answer.status == 200)


def test_a_night_in_the_pods_ends_green_and_its_metrics_say_so(played: Played) -> None:
    numbers = "YZCB04ZZR00001..YZCB04ZZR00200"
    registered = played.ended(played.start("register-serial-numbers", account="factory", pattern=numbers))
    assert registered["state_type"] == "COMPLETED", registered["state"]
    night = played.ended(played.start("nightly-factory", run_key="nightly/first"))
    assert night["state"]["message"].startswith("Good: "), night["state"]
    assert sum(played.sandbox("asked").values()) >= 200
    ended = 'tuyahouse_run_success_timestamp_seconds{account="factory",flow="nightly_sync"}'
    played.wait_for(lambda: ended in _metrics(played))


def _metrics(played: Played) -> str:
    with urllib.request.urlopen(f"http://{played.address('metrics')}:9401/metrics", timeout=10) as answer:
        return str(answer.read().decode())
