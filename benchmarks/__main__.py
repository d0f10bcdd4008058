"""``make bench``: every ratio that the README quotes, one after the other; arguments choose some of them."""

import importlib
import sys

ALL = ("start_up", "sn_flows", "memory", "pace", "machines", "messages", "devices", "commands")


def main(names: list[str]) -> None:
    for name in names or ALL:
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
