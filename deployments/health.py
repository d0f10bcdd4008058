"""Whether the program of this container is well: asks HEALTH_URL; exit code 0 or 1."""

import os
import sys
import urllib.request


def main() -> int:
    """0 if the address answers 200."""
    try:
        with urllib.request.urlopen(os.environ["HEALTH_URL"], timeout=8) as answer:
            return 0 if answer.status == 200 else 1
    except OSError as error:
        print(f"{os.environ['HEALTH_URL']}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
