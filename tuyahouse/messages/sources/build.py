"""The source that an account's settings name."""

from tuyahouse.messages.sources.source import MessageSource
from tuyahouse.settings import Account


def build_source(account: Account, connect_seconds: int = 10) -> MessageSource:
    """A source that is not connected yet. Pulsar's client is imported only for accounts that use it."""
    if account.messages_source == "websocket":
        from tuyahouse.messages.sources.websocket import WebSocketSource

        return WebSocketSource(account, connect_seconds=connect_seconds)
    from tuyahouse.messages.sources.pulsar import PulsarSource

    return PulsarSource(account, connect_seconds=connect_seconds)
