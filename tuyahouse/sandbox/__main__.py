"""``python -m tuyahouse.sandbox``: a simulated Tuya cloud."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tuyahouse.sandbox.control.truth import serial_numbers_csv
from tuyahouse.sandbox.server import announce, run, shell_lines
from tuyahouse.sandbox.world.faults import FAULTS, FaultError, parse_fault
from tuyahouse.sandbox.world.options import Options
from tuyahouse.sandbox.world.world import World


def _parser() -> argparse.ArgumentParser:
    faults = "\n".join(f"  {name:13} {meaning}" for name, meaning in FAULTS.items())
    settings = "\n".join(f"  {name}={_shown(value)}" for name, value in msgspec.structs.asdict(Options()).items())
    parser = argparse.ArgumentParser(
        prog="python -m tuyahouse.sandbox",
        description="Serves Tuya's API for a factory and a field that move on day by day.",
        epilog=f"faults (NAME=RATE, rates between 0 and 1):\n{faults}\n\n"
        f"options for --set and their defaults:\n{settings}\n\n"
        "example:\n  python -m tuyahouse.sandbox --port 8900 --serial-numbers 1000 --fault busy=0.05 --fault cut=0.02",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=8900, help="port to listen on; 0 picks a free one (default 8900)")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=RATE", help="repeatable, see below")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="any option, repeatable, see below"
    )
    parser.add_argument("--print-env", action="store_true", help="print the settings that reach it, then exit")
    parser.add_argument(
        "--write-serial-numbers", type=Path, metavar="FILE", help="write all serial numbers as CSV, then serve"
    )
    for name in ("seed", "serial-numbers", "day", "calls-per-second", "quota", "slow-seconds", "token-calls"):
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS if name.startswith("token") else f"option {name}")
    return parser


def _shown(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


def build(named: dict[str, str], faults: Sequence[str]) -> World:
    """A world from texts; :class:`FaultError` or :class:`msgspec.ValidationError`, in words, if one does not fit."""
    lists = {field.name for field in msgspec.structs.fields(Options) if isinstance(field.default, tuple)}
    values = {name: value.split(",") if name in lists else value for name, value in named.items()}
    options = msgspec.convert(values, Options, strict=False)
    return World(options, dict(parse_fault(text) for text in faults))


def _named(arguments: argparse.Namespace) -> dict[str, str]:
    known = msgspec.structs.asdict(Options())
    named = {name: value for name, value in vars(arguments).items() if name in known and value is not None}
    for text in arguments.set:
        name, _, value = text.partition("=")
        named[name.replace("-", "_")] = value
    return named


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        world = build(_named(arguments), arguments.fault)
    except (FaultError, msgspec.ValidationError) as error:
        sys.stderr.write(f"tuyahouse sandbox: {error}\n")
        return 2
    if arguments.write_serial_numbers:
        arguments.write_serial_numbers.write_text("".join(serial_numbers_csv(world)))
    if arguments.print_env:
        for line in shell_lines(world, f"http://{arguments.host}:{arguments.port}"):
            announce(line)
        return 0
    run(world, arguments.port, arguments.host)
    return 0


if __name__ == "__main__":
    sys.exit(main())
