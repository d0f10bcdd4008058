"""Which proxy the environment names for an address."""

from contextlib import suppress
from ipaddress import ip_address, ip_network
from urllib.parse import quote
from urllib.request import getproxies

import httpx

from tuyahouse.cloud.errors import ConfigurationWrong


def is_this_machine(host: str) -> bool:
    """Whether a host is this machine itself."""
    return host in ("localhost", "::1") or host.startswith("127.")


def proxy_for(url: str) -> str | None:
    """The proxy for an address by HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY; none for this machine itself.

    Raises:
        ConfigurationWrong: it is of a kind that cannot be used.
    """
    address = httpx.URL(url)
    proxies = getproxies()
    port = address.port or (443 if address.scheme == "https" else 80)
    if is_this_machine(address.host) or _is_exempt(address.host, port, proxies.get("no", "")):
        return None
    found = proxies.get(address.scheme) or proxies.get("all")
    if not found:
        return None
    kind, _, rest = found.rpartition("://")
    if kind not in ("", "http", "https"):
        raise ConfigurationWrong(
            f"The proxy for {address.host} is of the kind {kind}, but only http proxies can be used",
            remedy="Change HTTPS_PROXY (or ALL_PROXY) in the environment, or name the host in NO_PROXY.",
            reached=False,
        )
    login, at, host = rest.rpartition("@")
    return f"{kind or 'http'}://{quote(login, safe=':%')}{at}{host}"


def _is_exempt(host: str, port: int, no_proxy: str) -> bool:
    """Whether NO_PROXY names the host: ``*``, ``host``, ``.domain``, ``*.domain``, ``host:port`` or a network."""
    return any(_fits(host.lower(), port, entry.strip().lower()) for entry in no_proxy.split(",") if entry.strip())


def _fits(host: str, port: int, entry: str) -> bool:
    with suppress(ValueError):
        return ip_address(host) in ip_network(entry, strict=False)
    name, colon, only_port = entry.rpartition(":")
    if colon and only_port.isdecimal() and ":" not in name:
        if int(only_port) != port:
            return False
        entry = name
    domain = entry.removeprefix("*").removeprefix(".")
    return entry == "*" or host == domain or host.endswith("." + domain)
