"""Where the report of an account is found in a browser."""

from tasks.run.artifacts import artifact_key
from tasks.run.resources import Resources


def report_link(resources: Resources) -> str:
    """The address of the report; empty where REPORT_URL is not set."""
    base = resources.settings.report_url.rstrip("/")
    return f"{base}/{resources.account.name}.html" if base else ""


def report_page(resources: Resources) -> str:
    """The same, or else the page of Prefect's UI with the artifact that names its file."""
    return report_link(resources) or f"/artifacts/key/{artifact_key(*report_key(resources.account.name))}"


def report_key(account: str) -> tuple[str, str]:
    """The key of the artifact that build_report leaves."""
    return "report", account
