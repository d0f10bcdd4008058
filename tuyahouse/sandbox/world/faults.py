"""Faults by name and rate. Which call of a key is hit depends on the seed alone, not on the order of calls."""

from collections.abc import Mapping

from tuyahouse.sandbox.seeded_random import draw

FAULTS = {
    "busy": "the answer is code 500 or 1111",
    "slow": "the answer takes --slow-seconds",
    "cut": "the connection is closed in the middle of the answer",
    "broken_body": "HTTP 200 with an HTML page or with broken JSON",
    "oversized": "the answer is longer than clients read, by --set oversized_mb=…",
    "error5xx": "HTTP 502 or 503",
    "too_many": "HTTP 429",
    "throttle": "the answer is code 1110",
    "token_death": "the token of the call dies before its time: 1010",
    "shape": "JSON of a wrong shape where data should be: a list for an object, an object for a list, numbers, text",
    "odd_value": "one value of the answer is odd: its type, size, encoding, nesting or number; or it is renamed",
    "item_error": "the item is refused with a code of its own",
    "region": "wrong data centre: a token is granted, everything else answers 28841107",
    "ip": "the caller's address is not allowed: 1114",
    "rights": "permission missing: 1106",
    "subscription": "the API is not subscribed: 28841101",
    "quota": "the quota is used up: 28841004",
    "clock": "not a rate: the sandbox's clock is off by so many seconds",
}
SPARED_BY_LOGINS = frozenset({"shape", "odd_value", "item_error", "oversized"})
SPARED_BY_TOKEN_CALLS = SPARED_BY_LOGINS | {"token_death", "region", "rights", "subscription"}


class FaultError(ValueError):
    """A fault that does not exist, or a rate that is not one; the text names what there is."""


class Faults:
    """Draws at most one fault a call."""

    def __init__(self, seed: int, rates: Mapping[str, float]) -> None:
        for name, rate in rates.items():
            _check(name, rate)
        self._seed = seed
        self.rates = {name: rate for name, rate in rates.items() if rate and name != "clock"}
        if sum(self.rates.values()) > 1.000001:
            raise FaultError("The rates of all faults together are above 1.")
        self.hits: dict[str, int] = {}

    def draw(self, endpoint: str, key: str, nth: int, spared: frozenset[str]) -> tuple[str, int]:
        """The fault of the nth call for a key ('' for none) and a number for its variant."""
        if not self.rates:
            return "", 0
        number = draw(self._seed, "fault", endpoint, key, nth)
        place = (number >> 11) / 2**53
        for name, rate in self.rates.items():
            if place < rate:
                return self._hit(name, spared), number & 1023
            place -= rate
        return "", 0

    def _hit(self, name: str, spared: frozenset[str]) -> str:
        if name in spared:
            return ""
        self.hits[name] = self.hits.get(name, 0) + 1
        return name


def _check(name: str, rate: float) -> None:
    if name not in FAULTS:
        raise FaultError(f"There is no fault {name!r}. There are: {', '.join(FAULTS)}.")
    if name != "clock" and not 0 <= rate <= 1:
        raise FaultError(f"The rate of {name} is {rate}; it lies between 0 and 1.")


def parse_fault(text: str) -> tuple[str, float]:
    """``busy=0.05`` as a pair; a name alone has the rate 1."""
    name, _, rate = text.partition("=")
    try:
        pair = name.strip(), float(rate) if rate else 1.0
    except ValueError:
        raise FaultError(f"{text!r} is not NAME=RATE with a number for RATE.") from None
    _check(*pair)
    return pair
