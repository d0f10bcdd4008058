"""The account of the benchmarks, on the fast server."""

from collections.abc import Mapping

PATTERN = "BENCH{:08d}"


def environment(base_url: str, warehouse_url: str, **settings: str) -> dict[str, str]:
    """Settings of account ``bench``: unpaced, 16 calls at once; ``settings`` are further fields of it."""
    fields: Mapping[str, str] = {
        "BASE_URL": base_url,
        "CLIENT_ID": "benchclient",
        "CLIENT_SECRET": "benchsecret00000000000000000000a",
        "PMS_USERNAME": "bench-operator",
        "PMS_PASSWORD": "bench-password",
        "CALLS_PER_SECOND": "0",
        "CONCURRENCY": "16",
        **settings,
    }
    return {
        "TUYAHOUSE_WAREHOUSE_URL": warehouse_url,
        "TUYAHOUSE_SECRET_KEY": "a-key-of-the-benchmarks-and-of-nothing-else",
        # Every serial number is due at once, so that a second run asks all of them again.
        "TUYAHOUSE_PLAN__OPEN_AFTER": "PT0S",
        "TUYAHOUSE_PLAN__FINISHED_AFTER": "PT0S",
        **{f"TUYAHOUSE_ACCOUNTS__BENCH__{name}": value for name, value in fields.items()},
    }


def pattern(count: int) -> str:
    """A pattern of that many serial numbers, for ``tuyahouse sn add --pattern``."""
    return f"{PATTERN.format(1)}..{PATTERN.format(count)}"
