"""The options of the sandbox, in one flat structure. Command line, control endpoint and tests use the same names."""

from typing import Literal

import msgspec


class Options(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How the sandbox behaves. Durations are seconds, rates are shares between 0 and 1, 0 switches a limit off."""

    seed: int = 1
    serial_numbers: int = 1000
    factory: Literal["usual", "reference"] = "usual"
    """reference: ``orders`` work orders of ``order_units`` units, ``orders_at_once`` of them under way at a time, with
    queues, shifts, rework, resets and boards that move into assembly; ``serial_numbers`` is not looked at."""
    orders: int = 300
    order_units: int = 1000
    orders_at_once: int = 30
    unit_order: Literal["fifo", "random"] = "fifo"
    """The order in which the reference factory takes units that wait; fifo: with noise."""
    day: float = 0
    """The present of factory and field: the end of that day. 0.5 is half a day later than 0."""

    client_id: str = "sandboxclient0000001"
    client_secret: str = "sandboxsecret00000000000000000001"
    signature: Literal["v1", "v2"] = "v2"
    """v1: an old project, accepts the old and the current signature; v2: a newer one, accepts the current only."""
    old_signature_only: bool = False
    """The current signature is refused, as a production system of 2021 may do."""
    pms_username: str = "operator"
    pms_password: str = "factory-night"
    token_seconds: float = 7200
    token_calls: int = 0
    """An access token dies after this many calls, before its time."""
    login_token_seconds: float = 10
    login_token_code: str = "1010"
    """What a login with a token that is too old, used or unknown answers."""
    pms_refresh_seconds: float = 86_400
    """A PMS token can be refreshed once in this time."""
    pms_refresh_scope: Literal["user", "login"] = "user"
    """Whether a new login allows a new refresh."""
    pms_refresh_code: str = "1010"
    """What a refused refresh of a PMS token answers."""
    window_seconds: float = 300
    """A request's `t` may be this far from the sandbox's clock."""
    clock_offset: float = 0
    """Seconds that the sandbox's clock is ahead of the machine's."""

    calls_per_second: float = 0
    """Limit for each endpoint, in any one second."""
    throttle_as: Literal["1110", "1199", "429"] = "1110"
    quota: int = 0
    """Calls until 28841004."""
    slow_seconds: float = 0.5
    """How long a slow answer takes."""
    fault_methods: tuple[str, ...] = ()
    """Faults strike calls with these methods only, e.g. PUT; empty: all."""
    oversized_mb: float = 33
    """How long an oversized answer is."""
    remember: bool = True
    """Count calls by key and keep start times; without that, memory stays flat over any number of calls."""

    unknown_sn: Literal["empty", "error"] = "empty"
    craft_line_verb: Literal["both", "post", "get", "none"] = "both"
    craft_line_key: Literal["nodeList", "node_list"] = "nodeList"
    time_as: Literal["number", "text"] = "number"
    extra_fields: bool = False
    """Flow steps carry an undocumented field."""
    echo_secrets: bool = False
    """Every answer holds the secrets that the cloud was sent: in its texts, unknown fields and error pages."""
    envelope_seconds: bool = False
    """The envelope's `t` has 10 digits."""
    pass_counts: Literal["true", "stale", "lag", "failures", "lie", "refused"] = "true"
    """stale, lag: the pass amount is that of a day, an hour before; failures: units that failed are counted too; lie:
    from ``lie_from`` on it stands still; refused: the user has no rights to it."""
    lie_from: float = 0
    """The day at whose end pass amounts that lie have stood still."""

    devices: int = 300
    projects: tuple[str, ...] = ("north-hall", "south-hall")
    device_query: Literal["snake", "camel", "dotted"] = "snake"
    other_spelling: Literal["refuse", "ignore"] = "refuse"
    """Parameters of another spelling: 1109, or treated as if they were absent."""
    unknown_project: Literal["error", "empty"] = "error"
    page_size_cap: int = 100
    page_echo: Literal["asked", "given"] = "asked"
    first_page: int = 1
    device_rows: Literal["usual", "updated"] = "usual"
    """updated: as after an update of the cloud: one field more, another task_id, create_time as text, keys reversed."""
    shift: float = 0
    """Share of page requests after which a row moves from the front of the list to its end."""
    total_error: int = 0
    """Added to `total`."""
    in_two_projects: bool = False
    """Every fiftieth device is listed in two projects."""
    commands_per_day: int = 100
    unknown_command: Literal["error", "empty"] = "error"

    sent_fate: Literal[
        "any",
        "finish",
        "fail",
        "hang_sent",
        "hang_sending",
        "unknown",
        "conflict",
        "lost_message",
        "late_message",
        "api_lags",
        "regress",
        "strange",
    ] = "finish"
    """How a command ends that is sent by a call; any: as those of the field do."""

    authorized_accounts: int = 25
    """Accounts of third parties that are there from the beginning."""
    authorization_answers: Literal["sample", "plain"] = "sample"
    """sample: ``success`` is text and ``Code`` has a capital; plain: the envelope of all other calls."""
    strings_as: Literal["text", "object"] = "text"
    """Whether a uid and a ticket are a bare text or stand inside an object."""
    account_list: Literal["bare", "wrapped"] = "bare"
    account_query: Literal["query", "body"] = "query"
    """Where the account list looks for its parameters; ``other_spelling`` says what becomes of others."""
    totals_as: Literal["number", "text"] = "number"
    app_schema: str = "sandboxapp"
    person_twice: Literal["accepted", "refused"] = "accepted"
    """Adding a person that is there, or removing one that is not."""
    action_fields: Literal["snake", "camel", "either"] = "either"
    visual_username: str = "visual-operator"
    visual_password: str = "visual-day-and-night"
    visual_payload: Literal["data", "result"] = "data"
    visual_spelling: Literal["camel", "capitalised"] = "camel"
    visual_tokens: Literal["jwt", "opaque"] = "jwt"
    visual_expire: Literal["seconds", "milliseconds"] = "seconds"
    visual_seconds: float = 3600
    visual_unknown: Literal["left_out", "refused"] = "left_out"

    cipher: Literal["ecb", "gcm", "mixed"] = "ecb"
    families: tuple[Literal["bizcode", "v1"], ...] = ("bizcode", "v1")
    duplicates: float = 0.02
    late: float = 0.02
    unreadable: float = 0.01
    events_per_device: int = 3
    """Device events a day."""
    ack_seconds: float = 3
    """A message not acknowledged within this time is delivered again (the URL's ackTimeoutMillis wins)."""
    websocket_cut: int = 0
    """A message connection is cut after this many messages."""
