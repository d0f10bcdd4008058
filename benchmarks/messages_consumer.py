"""tuyahouse's consumer as a program to measure: ``python -m benchmarks.messages_consumer COUNT``, settings as usual."""

import sys

from tuyahouse.settings import load_settings
from tuyahouse.sync.messages.service import drain
from tuyahouse.warehouse.warehouse import Warehouse


def main(count: int) -> None:
    settings = load_settings()
    warehouse = Warehouse.open(settings.warehouse_url, settings.secret_key)
    progress = drain(settings.account("bench"), warehouse, max_messages=count)
    assert progress.landed.stored == count, progress


if __name__ == "__main__":
    main(int(sys.argv[1]))
