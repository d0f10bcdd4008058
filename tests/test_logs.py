"""Logs say what happened and never a secret."""

import io
import json
import logging
import sys
import time
from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tuyahouse import logs
from tuyahouse.redaction import Redactor
from tuyahouse.settings import Account, Settings


@pytest.fixture(autouse=True)
def _logging_as_before(monkeypatch):
    factory, root = logging.getLogRecordFactory(), logging.getLogger()
    handlers, levels = (
        list(root.handlers),
        {name: logging.getLogger(name).level for name in (*logs.OWN_LOGGERS, "stamina")},
    )
    monkeypatch.setattr(logs, "_REDACTOR", Redactor())
    yield
    logging.setLogRecordFactory(factory)
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def written():
    """What a process that configured its logs wrote since."""
    stream = io.StringIO()

    def start(format_="auto", *, terminal=False, level="info"):
        logs.configure(level, format_, Console(file=stream, force_terminal=terminal, width=200, color_system=None))
        return stream

    return start


log = logging.getLogger("tuyahouse.example")


def test_outside_a_terminal_a_record_is_a_json_object_a_line(written):
    stream = written()
    log.info("asked %d of %d", 3, 10, extra={"run": "r1", "done": 3})
    entry = json.loads(stream.getvalue())
    assert entry.pop("time").endswith("Z")
    assert entry == {"level": "info", "logger": "tuyahouse.example", "message": "asked 3 of 10", "run": "r1", "done": 3}


def test_plain_lines_can_be_asked_for(written):
    stream = written("text")
    log.info("asked", extra={"run": "r1"})
    assert stream.getvalue().rstrip().endswith("INFO tuyahouse.example: asked [run=r1]")


def test_in_a_terminal_a_record_is_a_line_for_people(written):
    stream = written(terminal=True)
    log.warning("slow [down]")
    assert "WARNING" in stream.getvalue()
    assert "slow [down]" in stream.getvalue()
    assert "{" not in stream.getvalue()


def test_json_can_be_asked_for_in_a_terminal(written):
    stream = written("json", terminal=True)
    log.info("asked")
    assert json.loads(stream.getvalue())["message"] == "asked"


def test_configuring_twice_does_not_write_twice(written):
    written()
    stream = written()
    log.info("once")
    assert stream.getvalue().count("once") == 1


def test_the_level_holds_for_our_own_loggers_and_others_speak_from_warning(written):
    stream = written(level="debug")
    log.debug("ours")
    logging.getLogger("httpx").info("theirs")
    assert "ours" in stream.getvalue()
    assert "theirs" not in stream.getvalue()


def test_single_retries_are_logged_at_debug_alone(written):
    for level, told in (("info", False), ("debug", True)):
        stream = written("text", level=level)
        logging.getLogger("stamina").warning("stamina.retry_scheduled")
        assert ("retry_scheduled" in stream.getvalue()) is told


def test_an_exception_is_part_of_its_json_object(written):
    stream = written()
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        log.exception("failed")
    entry = json.loads(stream.getvalue())
    assert entry["message"] == "failed"
    assert entry["exception"].endswith("RuntimeError: broken")


# -------------------------------------------------------------------------------------------------------------- secrets

SECRET = "hunter2/very+secret"


def settings():
    account = Account(
        name="factory",
        base_url="http://x",
        client_id="abc",
        client_secret=SECRET,
        pms_username="u",
        pms_password="pms-pass-word",
    )
    return Settings(
        accounts={"factory": account},
        secret_key="key-of-the-house-of-more-than-twenty",
        warehouse_url="postgresql://u:db%40word@h/d",
    )


@pytest.mark.parametrize(
    "text",
    [
        f"the secret is {SECRET}.",
        "in a URL hunter2%2Fvery%2Bsecret&x=1",
        "a password pms-pass-word here",
        "the key key-of-the-house-of-more-than-twenty",
        "decoded db@word and encoded db%40word",
    ],
)
def test_secrets_of_the_settings_are_taken_out(text):
    logs.register_secrets(settings())
    cleaned = logs.redact(text)
    assert "***" in cleaned
    assert not any(part in cleaned for part in ("hunter2", "pass-word", "key-of", "db@word", "db%40word"))


def test_a_token_that_came_up_later_is_taken_out():
    logs.register_secret("3f4eda2bdec17232f67c0b188af3eec1")
    assert logs.redact("sent 3f4eda2bdec17232f67c0b188af3eec1!") == "sent ***!"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("GET /v1.0/token/abcdef0123 failed", "GET /v1.0/token/*** failed"),
        ("GET /v1.0/token?grant_type=1 failed", "GET /v1.0/token?grant_type=1 failed"),
        ("postgresql://u:p@ss@h:5432/d", "postgresql://u:***@h:5432/d"),
        ("connect password=hunter2 host=h", "connect password=*** host=h"),
        ("?access_token=abc&sn=1", "?access_token=***&sn=1"),
        ("client_secret='a b'", "client_secret='***'"),
        ('{"access_token": "abc", "uid": "1"}', '{"access_token": "***", "uid": "1"}'),
        ('{\\"refreshToken\\":\\"abc\\"}', '{\\"refreshToken\\":\\"***\\"}'),
        ("{'password': 'abc'}", "{'password': '***'}"),
        ("[(b'access_token', b'abc'), (b't', b'1')]", "[(b'access_token', b'***'), (b't', b'1')]"),
        ("access_token: abc", "access_token: ***"),
        ("Authorization: Bearer abc", "Authorization: Bearer ***"),
        ("sign=0F2A, t=1", "sign=***, t=1"),
        ("password=true-north, t=1", "password=***, t=1"),
        ('{"password": "env: guess"}', '{"password": "***"}'),
    ],
)
def test_what_stands_where_secrets_stand_is_taken_out(text, cleaned):
    assert Redactor().text(text) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        "TUYAHOUSE_ACCOUNTS__FACTORY__CLIENT_SECRET: is missing",
        "the token is replaced 60 s before it ends",
        "http://127.0.0.1:8000/v1.0/pms/station/sn/flows/get",
        "asked YZCB04ZZR00001 at 02:00:01",
        "signature=v2",
        "mail an@example.com: done",
        "python -m flows grant_access -p ticket=true -p dry_run=false",
        """-p 'arguments={"secret_key": "env:CARD_KEY", "password": "file:card.key"}'""",
    ],
)
def test_sentences_without_secrets_stay_as_they_are(text):
    assert Redactor().text(text) == text


def test_a_short_secret_is_hidden_as_a_word_and_does_not_tear_other_words_apart():
    redactor = Redactor()
    redactor.keep(["1234"])
    assert redactor.text("it is 1234, and P12345 is a unit") == "it is ***, and P12345 is a unit"


def test_the_longer_of_two_secrets_that_begin_alike_is_hidden_whole():
    redactor = Redactor()
    redactor.keep(["abcdefgh", "abcdefghijkl"])
    assert redactor.text("abcdefghijkl") == "***"


def test_a_long_text_is_cleaned_in_no_time():
    text = "token " + "ab-" * 50_000
    started = time.thread_time()
    assert Redactor().text(text) == text
    assert time.thread_time() - started < 5


def test_only_some_hundred_tokens_are_kept():
    redactor = Redactor()
    redactor.keep(["secret-of-settings"])
    for number in range(1000):
        redactor.keep_passing(f"token-{number:06d}")
    assert redactor.text("secret-of-settings token-000999") == "*** ***"
    assert redactor.text("token-000000") == "token-000000"


def test_a_token_that_was_put_away_makes_room_and_is_hidden_no_more() -> None:
    redactor = Redactor()
    redactor.keep_passing("access-token-0001")
    for number in range(1000):
        redactor.keep_passing(f"visual-token-{number:06d}")
        redactor.forget(f"visual-token-{number:06d}")
    assert redactor.text("access-token-0001, then visual-token-000999") == "***, then visual-token-000999"


def test_secrets_in_message_arguments_extra_and_exception_do_not_reach_the_log(written):
    stream = written()
    logs.register_secrets(settings())
    try:
        try:
            raise ValueError(f"cause {SECRET}")
        except ValueError as cause:
            raise RuntimeError(f"refused {SECRET}") from cause
    except RuntimeError:
        log.exception(
            f"message {SECRET} %s %s", SECRET, {"a": SECRET}, extra={"url": f"x{SECRET}", "access_token": "tok"}
        )
    text = stream.getvalue()
    assert "hunter2" not in text
    assert "tok" not in json.loads(text)["access_token"]
    assert len(text.split("***")) >= 6


def test_secrets_do_not_reach_a_foreign_handler(caplog):
    logs.register_secrets(settings())
    with caplog.at_level(logging.INFO):
        logging.getLogger("another.library").info("sent %s", SECRET)
    assert caplog.messages == ["sent ***"]


def test_arguments_without_secrets_are_left_to_formatters_that_look_at_them(caplog):
    logs.install_redaction()
    with caplog.at_level(logging.INFO):
        log.info("%s of %d", "three", 10)
    assert caplog.records[0].args == ("three", 10)


def test_arguments_that_do_not_fit_their_message_are_cleaned_too(caplog):
    logs.register_secrets(settings())
    with caplog.at_level(logging.INFO):
        log.info("too many %s", "a", SECRET)
    assert "hunter2" not in caplog.text
    assert "too many %s" in caplog.text


def test_an_exception_without_a_log_call_keeps_its_own_text():
    logs.register_secrets(settings())
    error = ValueError(SECRET)
    log.info("seen", exc_info=error)
    assert str(error) == SECRET


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=0x4E10), min_size=8, max_size=40),
    st.text(max_size=20),
    st.text(max_size=20),
)
def test_no_secret_of_eight_signs_survives_anywhere_in_a_text(secret, before, after):
    redactor = Redactor()
    redactor.keep([secret])
    cleaned = redactor.text(before + secret + after)
    assert secret not in cleaned or secret in "***" * 20


def test_logging_goes_to_the_standard_error_of_the_moment(monkeypatch):
    logs.configure(format_="json")
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    log.info("here")
    assert json.loads(stream.getvalue())["message"] == "here"


def test_every_secret_of_an_account_is_taken_out_of_answers_and_messages_in_whatever_process_reads_them():
    logs.register_secrets(settings())
    digest = md5(b"pms-pass-word").hexdigest()
    assert logs._REDACTOR.answer(f"{SECRET}, pms-pass-word, {digest}".encode()) == b"***, ***, ***"
