"""``tuyahouse metrics``: the health of runs and data for Prometheus."""

from contextlib import closing
from typing import Annotated

import typer

from tuyahouse.cli.context import OneAccount, chosen, opened, read_settings
from tuyahouse.cli.output import say
from tuyahouse.cli.words import stopped


def metrics(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to serve on; 0 picks a free one.")] = 9401,
    address: Annotated[str, typer.Option(help="Address to serve on; 0.0.0.0 opens it to the network.")] = "127.0.0.1",
    account: OneAccount = None,
) -> None:
    """Serve /metrics (Prometheus) and /health from the warehouse, until Ctrl-C or SIGTERM. Makes no call to Tuya.

    Example:

    \b
      tuyahouse metrics --port 9401
    """
    from tuyahouse.monitoring.server import serve
    from tuyahouse.monitoring.warehouse_health import WarehouseHealth
    from tuyahouse.signals import stop_on_signals

    settings = read_settings()
    health = WarehouseHealth(chosen(settings, account), lambda: opened(settings, create=False))
    with closing(health), stop_on_signals() as stopping:
        try:
            with serve(health, port, address) as served:
                say(f"Metrics at http://{address}:{served}/metrics, health at /health. Ctrl-C ends it.")
                stopping.wait()
        except OSError as error:
            raise stopped(
                f"Port {port} of {address} cannot be served: {error.strerror}. Name another --port."
            ) from None
