"""The topics of an account (docs/tuya.md, "Messages": connection)."""

from tuyahouse.settings import Account


def event_topic(account: Account) -> str:
    """The topic with the messages of the account's environment."""
    return _topic(account, "event-test" if account.messages_environment == "test" else "event")


def notice_topic(account: Account) -> str:
    """The topic on which Tuya warns that messages pile up."""
    return _topic(account, "notice")


def _topic(account: Account, name: str) -> str:
    return f"persistent://{account.client_id}/out/{name}"
