"""Where `make up` keeps everything, and the environment of its programs."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NIGHTS = 3
"""Nights of the sandbox's factory that the UI opens with."""
_PREFIX = "TUYAHOUSE_"


@dataclass(frozen=True, slots=True)
class Site:
    """A folder with Prefect's database, logs and, with a sandbox, its settings and the warehouse."""

    folder: Path
    port: int
    reports_port: int

    @property
    def ui(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def reports(self) -> Path:
        """The folder of the sandbox's reports."""
        return self.folder / "reports"

    @property
    def reports_url(self) -> str:
        return f"http://127.0.0.1:{self.reports_port}"

    @property
    def config(self) -> Path:
        return self.folder / "tuyahouse.toml"

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.db"

    def log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    def server_environment(self) -> dict[str, str]:
        """Prefect's server: nothing of the developer's own Prefect, and nothing sent to third parties."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        return {
            **kept,
            "PREFECT_HOME": str(self.folder / "prefect"),
            "PREFECT_SERVER_UI_API_URL": f"{self.ui}/api",
            "PREFECT_UI_URL": self.ui,  # of the links in notifications
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
        }

    def environment(self, *, sandbox: bool) -> dict[str, str]:
        """Worker, deployments and flows. With a sandbox, settings come from the site's own file alone."""
        kept = {
            name: value
            for name, value in self.server_environment().items()
            if not (sandbox and name.startswith(_PREFIX))
        }
        own = {f"{_PREFIX}CONFIG": str(self.config)} if sandbox else {}
        return {
            **kept,
            **own,
            "PREFECT_API_URL": f"{self.ui}/api",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "PREFECT_CLI_PROMPT": "false",
        }

    def write_settings(self, account: str, settings: Mapping[str, str]) -> None:
        """Write the settings of a sandbox, given by the names of their variables, for this site's programs."""
        prefix = f"{_PREFIX}ACCOUNTS__{account.upper()}__"
        fields = {name.removeprefix(prefix).lower(): value for name, value in settings.items()}
        more = {"messages_read_by": "schedule", "allow_writes": "true", "sync_accounts": "true"}
        lines = [
            "# The sandbox of `make up`, made anew by each start.",
            f"warehouse_url = {json.dumps(f'sqlite:///{self.warehouse}')}",
            f"token_dir = {json.dumps(str(self.folder / 'tokens'))}",
            f"report_dir = {json.dumps(str(self.reports))}",
            f"report_url = {json.dumps(self.reports_url)}",
            "",
            f"[accounts.{account}]",
            *(f"{name} = {json.dumps(value)}" for name, value in (fields | more).items()),
        ]
        self.config.touch(mode=0o600)
        self.config.write_text("\n".join(lines) + "\n")
