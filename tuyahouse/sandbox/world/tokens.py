"""Tokens as Tuya keeps them: one live pair for the platform, one for the PMS user, and login tokens of ten seconds."""

import secrets
from dataclasses import dataclass, field
from typing import Literal

from tuyahouse.sandbox.world.options import Options
from tuyahouse.sandbox.world.refusals import Refusal

Kind = Literal["platform", "pms"]


@dataclass(slots=True)
class Pair:
    kind: Kind
    access: str
    refresh: str
    expires_ms: int
    calls: int = 0
    dead: bool = False


@dataclass(slots=True)
class TokenBook:
    """Tokens that were issued, the live ones, and counts.

    ``counts``: grants (grant_type=1), refreshes, logins, pms_refreshes, refused_refreshes, platform_deaths, pms_deaths
    (early ones only), old_token_calls.
    """

    options: Options
    counts: dict[str, int] = field(default_factory=dict)
    issued: list[str] = field(default_factory=list)
    """Every token ever issued. Tests search for these outside the sandbox."""
    _live: dict[Kind, Pair] = field(default_factory=dict)
    _login_tokens: dict[str, tuple[str, int]] = field(default_factory=dict)
    _last_pms_refresh_ms: int | None = None

    def count(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1

    def _secret(self) -> str:
        self.issued.append(secrets.token_hex(16))
        return self.issued[-1]

    def refresh_of(self, access: str) -> str:
        """The refresh token of a live pair; empty if the access token is not live."""
        return next((pair.refresh for pair in self._live.values() if access and pair.access == access), "")

    def grant(self, kind: Kind, now_ms: int) -> Pair:
        """A new pair; the previous one dies, its refresh token too."""
        pair = Pair(kind, self._secret(), self._secret(), now_ms + int(self.options.token_seconds * 1000))
        self._live[kind] = pair
        return pair

    def refresh(self, refresh_token: str, now_ms: int) -> Pair:
        for pair in list(self._live.values()):
            if pair.refresh == refresh_token:
                return self._refresh_pms(now_ms) if pair.kind == "pms" else self._refresh_platform(now_ms)
        self.count("refused_refreshes")
        raise Refusal("1010")

    def _refresh_platform(self, now_ms: int) -> Pair:
        self.count("refreshes")
        return self.grant("platform", now_ms)

    def _refresh_pms(self, now_ms: int) -> Pair:
        last = self._last_pms_refresh_ms
        if last is not None and now_ms < last + self.options.pms_refresh_seconds * 1000:
            self.count("refused_refreshes")
            raise Refusal(self.options.pms_refresh_code)
        self._last_pms_refresh_ms = now_ms
        self.count("pms_refreshes")
        return self.grant("pms", now_ms)

    def login_token(self, username: str, now_ms: int) -> str:
        token = self._secret()
        self._login_tokens = {k: v for k, v in self._login_tokens.items() if v[1] >= now_ms}
        life_ms = int(self.options.login_token_seconds * 1000) or -1  # of no seconds: not even in the same millisecond
        self._login_tokens[token] = (username, now_ms + life_ms)
        return token

    def take_login_token(self, token: str, username: str, now_ms: int) -> None:
        """A login token serves once, within its seconds, for the user it was made for."""
        owner, until = self._login_tokens.pop(token, ("", 0))
        if owner != username or now_ms > until:
            raise Refusal(self.options.login_token_code, "token invalid")

    def login(self, now_ms: int) -> Pair:
        self.count("logins")
        if self.options.pms_refresh_scope == "login":
            self._last_pms_refresh_ms = None
        return self.grant("pms", now_ms)

    def use(self, access: str, kind: Kind, now_ms: int) -> None:
        """Check the token of one call; 1010 if it is not the live one, 1106 if it is of the other kind."""
        pair = self._live.get(kind)
        if pair is None or pair.access != access:
            self._refuse(access, kind)
        elif pair.dead or now_ms >= pair.expires_ms:
            raise Refusal("1010")
        else:
            self._count_use(pair)

    def _refuse(self, access: str, kind: Kind) -> None:
        if not access:
            raise Refusal("1002")
        if any(pair.access == access for pair in self._live.values() if pair.kind != kind):
            raise Refusal("1106", "permission deny: this path needs the token of the other login")
        self.count("old_token_calls")
        raise Refusal("1010", "token invalid")

    def _count_use(self, pair: Pair) -> None:
        limit = self.options.token_calls
        if limit and pair.calls >= limit:
            self._die(pair)
            raise Refusal("1010")
        pair.calls += 1

    def kill(self, kind: Kind) -> None:
        """Let the live token of this kind die before its time; its refresh token stays valid."""
        if (pair := self._live.get(kind)) and not pair.dead:
            self._die(pair)

    def _die(self, pair: Pair) -> None:
        pair.dead = True
        self.count(f"{pair.kind}_deaths")
