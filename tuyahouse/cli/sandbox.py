"""``tuyahouse sandbox``: a simulated Tuya cloud."""

import errno
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from pydantic import SecretStr

from tuyahouse.cli.context import from_environment
from tuyahouse.cli.words import INTERRUPTED, stopped

if TYPE_CHECKING:
    from tuyahouse.sandbox.messages.publishing import Publish
    from tuyahouse.sandbox.world.world import World

_NO_PLACE = (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES)


def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one.")] = 8900,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    seed: Annotated[int | None, typer.Option(help="Each seed makes another factory and field.")] = None,
    serial_numbers: Annotated[
        int | None, typer.Option(min=0, help="How many serial numbers the factory makes.")
    ] = None,
    day: Annotated[float | None, typer.Option(help="Day that factory and field have reached.")] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=RATE", help="Fault to inject, at a rate from 0 to 1; repeatable."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Any other option; python -m tuyahouse.sandbox --help lists them."
        ),
    ] = None,
    print_env: Annotated[bool, typer.Option("--print-env", help="Print the settings for it and exit.")] = False,
    write_serial_numbers: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the factory's serial numbers as CSV, then serve.")
    ] = None,
    pulsar_url: Annotated[str, typer.Option(help="Also publish the field's messages to this Pulsar.")] = "",
    pulsar_user: Annotated[str, typer.Option(help="Operator of that Pulsar.")] = "admin",
    pulsar_password: Annotated[
        str, typer.Option(help="Password of the operator; env:NAME reads it from that variable.")
    ] = "",
    pulsar_topic: Annotated[str, typer.Option(help="Topic: event or event-test.")] = "event",
    pulsar_tls_ca: Annotated[str, typer.Option(help="File of CA certificates of that Pulsar.")] = "",
) -> None:
    """Serve Tuya's API for a simulated factory and field. First prints its settings, as lines for a shell.

    Its account is named demo. Its serial numbers are at /sandbox/serial-numbers.csv, a file for sn add. Faults: busy,
    slow, cut, broken_body, oversized, error5xx, too_many, throttle, token_death, shape, item_error, odd_value,
    region, ip, rights, subscription, quota; and clock, which takes seconds instead of a rate.

    Examples:

    \b
      tuyahouse sandbox --port 8900
      tuyahouse sandbox --serial-numbers 5000 --fault busy=0.05 --fault cut=0.02
      tuyahouse sandbox --print-env
    """
    named = {"seed": seed, "serial_numbers": serial_numbers, "day": day}
    texts = {name: str(value) for name, value in named.items() if value is not None}
    world = _world(texts | _pairs(set_ or []), fault or [])
    from tuyahouse.sandbox.control.truth import serial_numbers_csv
    from tuyahouse.sandbox.server import announce, run, shell_lines

    if write_serial_numbers:
        write_serial_numbers.write_text("".join(serial_numbers_csv(world)))
    if print_env:
        for line in shell_lines(world, f"http://{host}:{port}"):
            announce(line)
        return
    with ExitStack() as stack:
        publish = None
        if pulsar_url:
            password = SecretStr(from_environment(pulsar_password, "--pulsar-password"))
            client_id = world.options.client_id
            publish = _publisher(stack, pulsar_url, client_id, pulsar_user, password, pulsar_topic, pulsar_tls_ca)
        try:
            run(world, port, host, publish)
        except KeyboardInterrupt:
            raise stopped("The sandbox has ended.", INTERRUPTED) from None
        except OSError as error:
            if error.errno not in _NO_PLACE:
                raise
            said = f"Nothing can listen at {host}, port {port}: {error.strerror}."
            raise stopped(f"{said} Name another --port (0 picks a free one) or --host.") from None


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--set")
        pairs[name.replace("-", "_")] = value
    return pairs


def _world(named: dict[str, str], faults: list[str]) -> "World":
    from tuyahouse.sandbox.__main__ import build  # a web server takes a while to import
    from tuyahouse.sandbox.world.faults import FaultError

    try:
        return build(named, faults)
    except FaultError as error:
        raise typer.BadParameter(str(error), param_hint="--fault") from None
    except msgspec.ValidationError as error:
        raise typer.BadParameter(str(error), param_hint="--set") from None


def _publisher(
    stack: ExitStack, url: str, client_id: str, user: str, password: SecretStr, topic: str, tls_ca: str
) -> "Publish":
    from tuyahouse.messages.sources.publish import Publisher

    publisher = Publisher(url, client_id, operator=user, password=password, topic=topic, tls_ca=tls_ca)
    return stack.enter_context(publisher).publish
