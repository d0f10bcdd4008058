"""``python -m tuyahouse``: the command line, as the program ``tuyahouse``."""

from tuyahouse.cli import main

main()
