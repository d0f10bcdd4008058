"""The files of containers and clusters name settings and commands that exist, no root, and no secret."""

import json
import re
import shlex
from pathlib import Path
from typing import Any
from uuid import uuid4

import kubernetes_validate
import pytest
import typer
import yaml
from prefect.server.schemas.actions import DeploymentCreate, WorkPoolCreate
from prefect.utilities.templating import apply_values

from tuyahouse.cli.program import app
from tuyahouse.settings import Account

ROOT = Path(__file__).parent.parent.parent
HERE = ROOT / "deployments"
COMPOSE: dict[str, Any] = yaml.safe_load((HERE / "compose" / "compose.yaml").read_text())
OURS = {name: one for name, one in COMPOSE["services"].items() if name != "postgres"}
BASE = HERE / "kubernetes" / "base"
OVERLAYS = HERE / "kubernetes" / "overlays"
MANIFESTS = [
    one
    for file in sorted(
        [*BASE.glob("*.yaml"), OVERLAYS / "example" / "namespace.yaml", OVERLAYS / "pod-per-run" / "access.yaml"]
    )
    if file.name != "kustomization.yaml"
    for one in yaml.safe_load_all(file.read_text())
]
TEMPLATE: dict[str, Any] = json.loads((OVERLAYS / "pod-per-run" / "base-job-template.json").read_text())
IDS = [f"{one['kind']} {one['metadata']['name']}" for one in MANIFESTS]
PODS = [one for one in MANIFESTS if one["kind"] in ("Deployment", "Job")]
CONTAINERS = [(one, each) for one in PODS for each in one["spec"]["template"]["spec"]["containers"]]
ENV_FILES = [*HERE.rglob("*.env"), HERE / "compose" / "accounts.env.example"]


def commands() -> list[list[str]]:
    """Every `tuyahouse …` and `python3 -m …` that a container is started with."""
    given = [one["command"] for one in OURS.values()] + [each["args"] for _, each in CONTAINERS]
    split = [part for words in given for part in ([shlex.split(words[2])] if words[0] == "sh" else [words])]
    return [list(words) for words in split]


def test_every_command_of_the_program_exists_with_its_options() -> None:
    group: Any = typer.main.get_command(app)
    for words in (each for each in commands() if each[0] == "tuyahouse"):
        command = group.commands[words[1]]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, words


def test_every_module_that_a_container_runs_exists() -> None:
    modules = [words[words.index("-m") + 1] for words in commands() if "-m" in words]
    assert modules
    assert all((ROOT / f"{module.replace('.', '/')}.py").is_file() for module in modules)


@pytest.mark.parametrize("file", ENV_FILES, ids=lambda file: file.name)
def test_settings_of_accounts_exist_and_none_is_a_secret(file: Path) -> None:
    names = re.findall(r"^TUYAHOUSE_ACCOUNTS__[A-Z]+__(\w+)=", file.read_text(), re.MULTILINE)
    assert names and set(names) <= {name.upper() for name in Account.model_fields}
    assert not [name for name in names if "SECRET" in name or "PASSWORD" in name]


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_confined(name: str) -> None:
    one = OURS[name]
    assert (one["user"], one["read_only"], one["cap_drop"]) == ("10001:10001", True, ["ALL"])
    assert "no-new-privileges" in one["security_opt"]


def test_no_secret_is_in_a_file_of_the_repository() -> None:
    assert "PASSWORD" not in " ".join(COMPOSE["services"]["postgres"]["environment"]).replace("PASSWORD_FILE", "")
    for name, one in OURS.items():
        told = " ".join(map(str, one.get("environment", {})))
        assert "AUTH_STRING" not in told and "DATABASE_CONNECTION_URL" not in told and "SECRET" not in told, name
    assert not [one for one in MANIFESTS if one["kind"] == "Secret"]


def test_images_are_pinned_by_a_tag() -> None:
    froms = re.findall(r"^FROM (\S+)", (HERE / "containers" / "Containerfile").read_text(), re.MULTILINE)
    assert froms and all(re.search(r":\d", one) for one in [*froms, COMPOSE["services"]["postgres"]["image"]])


def test_the_image_is_not_root() -> None:
    assert re.search(r"^USER 10001:10001$", (HERE / "containers" / "Containerfile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("one", MANIFESTS, ids=IDS)
def test_a_manifest_is_valid(one: dict[str, Any]) -> None:
    kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize(("one", "container"), CONTAINERS, ids=[each["name"] for _, each in CONTAINERS])
def test_a_pod_is_confined_and_bounded(one: dict[str, Any], container: dict[str, Any]) -> None:
    pod = one["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
    context = container["securityContext"]
    assert context["readOnlyRootFilesystem"] and not context["allowPrivilegeEscalation"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["requests"] and container["resources"]["limits"]["memory"]
    assert one["kind"] == "Job" or {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)


def test_the_base_lists_its_files_and_the_overlay_patches_what_there_is() -> None:
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    assert sorted(listed) == sorted(file.name for file in BASE.glob("*.yaml") if file.name != "kustomization.yaml")
    names = {(one["kind"], one["metadata"]["name"]) for one in MANIFESTS}
    for overlay in (OVERLAYS / "example", OVERLAYS / "pod-per-run"):
        for patch in yaml.safe_load((overlay / "kustomization.yaml").read_text())["patches"]:
            patched = yaml.safe_load((overlay / patch["path"]).read_text())
            assert (patched["kind"], patched["metadata"]["name"]) in names
    told = yaml.safe_load((OVERLAYS / "example" / "kustomization.yaml").read_text())
    made = {each["name"] for each in [*told["secretGenerator"], *told["configMapGenerator"]]}
    volumes = [each for one in PODS for each in one["spec"]["template"]["spec"]["volumes"]]
    used = {each["secret"]["secretName"] for each in volumes if "secret" in each}
    assert used <= made


def test_the_jobs_of_runs_take_the_password_of_prefects_api_from_a_file_of_the_secret() -> None:
    (container,) = yaml.safe_load((OVERLAYS / "pod-per-run" / "worker.yaml").read_text())["spec"]["template"]["spec"][
        "containers"
    ]
    told = {
        one["name"].removeprefix("PREFECT_INTEGRATIONS_KUBERNETES_WORKER_"): one["value"] for one in container["env"]
    }
    example = yaml.safe_load((OVERLAYS / "example" / "kustomization.yaml").read_text())
    files = {one["name"]: [Path(file).name for file in one["files"]] for one in example["secretGenerator"]}
    assert told["API_AUTH_STRING_SECRET_KEY"] in files[told["API_AUTH_STRING_SECRET_NAME"]]


def test_nothing_that_containers_are_started_with_is_in_the_image() -> None:
    left_out = (ROOT / ".containerignore").read_text().splitlines()
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()]
    own = [line for line in ignored if line.startswith("deployments/")]
    assert own and all(any(line.startswith(f"{folder}/") for folder in left_out) for line in own)


def job_of_a_run() -> dict[str, Any]:
    """The job that a Kubernetes worker starts for a run, by the template alone."""
    variables = TEMPLATE["variables"]["properties"]
    given = {name: one["default"] for name, one in variables.items() if "default" in one}
    given |= {"name": "nightly-factory", "labels": {"prefect.io/flow-run-id": "x"}, "command": ["prefect", "flow-run"]}
    job: dict[str, Any] = apply_values(
        TEMPLATE["job_configuration"]["job_manifest"], {**given, "env": [{"name": "A", "value": "b"}]}
    )
    return job


def test_the_template_of_jobs_is_one_that_prefects_server_takes_and_its_deployments_fit_it() -> None:
    pool = WorkPoolCreate(name="tuyahouse", type="kubernetes", base_job_template=TEMPLATE)
    plan = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    deployment = DeploymentCreate(name="x", flow_id=uuid4(), job_variables=plan["definitions"]["pool"]["job_variables"])
    deployment.check_valid_configuration(pool.base_job_template)
    with pytest.raises(ValueError, match="memory"):
        WorkPoolCreate(
            name="x",
            type="kubernetes",
            base_job_template={**TEMPLATE, "variables": {"type": "object", "properties": {}}},
        )


def test_the_job_of_a_run_is_valid_and_confined_as_the_workers_are() -> None:
    job = job_of_a_run()
    spec = job["spec"]["template"]["spec"]
    in_pod = {name: spec.pop(name) for name in ("parallelism", "completions")}
    assert in_pod == {"parallelism": 1, "completions": 1}, "prefect-kubernetes wants them there"
    kubernetes_validate.validate(job, kubernetes_validate.latest_version(), strict=True)
    (worker,) = [one for one in PODS if one["metadata"]["name"] == "worker"]
    like = worker["spec"]["template"]["spec"]
    for name in ("securityContext", "volumes", "automountServiceAccountToken", "terminationGracePeriodSeconds"):
        assert spec[name] == like[name], name
    (container,), (of_worker,) = spec["containers"], like["containers"]
    for name in ("securityContext", "volumeMounts", "envFrom", "imagePullPolicy"):
        assert container[name] == of_worker[name], name
