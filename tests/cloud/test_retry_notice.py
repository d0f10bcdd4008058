"""What the log says while calls are retried."""

import pytest

from tuyahouse.cloud.errors import PassingFault
from tuyahouse.cloud.retry_notice import QUIET_SECONDS, RetryNotice


def test_the_first_retry_is_said_at_once_and_the_others_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    notice = RetryNotice("factory", clock=lambda: now[0])
    for _ in range(3):
        notice.say(PassingFault("the connection was refused"))
    now[0] = QUIET_SECONDS
    notice.say(PassingFault("the connection was refused"))
    first, second = caplog.messages
    assert first.startswith("A call of factory is retried: ")
    assert "the connection was refused" in first
    assert second.endswith("So were 2 others since the last notice.")
