"""What `make up` prints in the end: addresses, and what to click first."""

import json
import urllib.request
from typing import Any

from deployments.site import Site


def say_where(site: Site, sandbox: str) -> None:
    """Print where everything is, and the pages to begin with."""
    lines = [
        "",
        "tuyahouse is up. Ctrl-C stops everything.",
        "",
        f"  Prefect's UI    {site.ui}",
        *([f"  the sandbox     {sandbox} (account demo)"] if sandbox else []),
        *([f"  the warehouse   {site.warehouse}"] if sandbox else []),
        *([f"  the report      {site.reports_url}/demo.html"] if sandbox else []),
        f"  logs            {site.folder / 'logs'}",
        "",
        "What to click first",
        *(f"  {number}. {line}" for number, line in enumerate(_clicks(site), 1)),
        "",
        "In another terminal, after `source .venv/bin/activate`:",
        f"  export PREFECT_API_URL={site.ui}/api" + (f" TUYAHOUSE_CONFIG={site.config}" if sandbox else ""),
        "  tuyahouse status",
    ]
    print("\n".join(lines), flush=True)


def _clicks(site: Site) -> list[str]:
    nights = [one for one in _ask(site, "deployments/filter", {}) if one["name"].startswith("nightly-")]
    clicks = [
        f"{one['name']}, its runs and its schedule:\n     {site.ui}/deployments/deployment/{one['id']}"
        for one in nights
    ]
    red = _ask(
        site,
        "flow_runs/filter",
        {
            "flow_runs": {
                "deployment_id": {"any_": [one["id"] for one in nights]},
                "state": {"type": {"any_": ["FAILED"]}},
            },
            "sort": "START_TIME_DESC",
            "limit": 1,
        },
    )
    clicks += [
        f"a red night: its state message says what is wrong, the tab Artifacts what to do. The cause\n"
        f"     is gone: press Retry, and it turns green:\n     {site.ui}/runs/flow-run/{one['id']}"
        for one in red
    ]
    (asks,) = _ask(site, "deployments/filter", {"deployments": {"name": {"any_": ["ask-serial-numbers"]}}})
    clicks.append(
        f"one serial number now: choose the account, type it into sns, press Submit:\n"
        f"     {site.ui}/deployments/deployment/{asks['id']}/run"
    )
    clicks.append(f"what the newest runs left to read:\n     {site.ui}/artifacts")
    return clicks


def _ask(site: Site, path: str, body: Any) -> list[dict[str, Any]]:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{site.ui}/api/{path}", data=json.dumps(body).encode(), headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: list[dict[str, Any]] = json.loads(answer.read())
    return found
