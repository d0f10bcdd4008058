"""``tuyahouse consume``: stores the message stream for as long as it runs."""

from typing import Annotated

import typer

from tuyahouse.cli.context import AccountName, opened, read_settings


def consume(
    account: AccountName,
    metrics_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Serve /metrics (Prometheus) and /health on this port.")
    ] = None,
    metrics_address: Annotated[
        str, typer.Option(help="Address to serve them on; 0.0.0.0 opens them to the network.")
    ] = "127.0.0.1",
) -> None:
    """Store every message before it is acknowledged, until SIGTERM or Ctrl-C.

    If the connection or the database is lost, it waits until it is back. Consumers of one subscription share its
    messages: on a laptop, set MESSAGES_SUBSCRIPTION to another name.

    Example:

    \b
      tuyahouse consume --account factory --metrics-port 9400
    """
    from tuyahouse.sync.messages import service  # message clients take a while to import

    settings = read_settings()
    service.consume(
        settings.account(account),
        lambda: opened(settings),
        metrics_port=metrics_port,
        metrics_address=metrics_address,
    )
