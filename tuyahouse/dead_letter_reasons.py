"""Every reason of a dead letter; the type checker refuses any other. docs/runs.md says what each means."""

from typing import Literal

Reason = Literal[
    # of answers and items of Tuya's APIs
    "item_error",
    "retries_exhausted",
    "unusable_answer",
    "not_available",
    "list_incomplete",
    "list_cut_short",
    # of messages
    "bad_padding",
    "bad_tag",
    "unknown_cipher",
    "bad_base64",
    "bad_length",
    "no_cipher_text",
    "empty_payload",
    "broken_json",
    "wrong_shape",
    "missing_field",
    "bad_time",
    "clock_in_future",
    # of rows of files
    "refused_row",
    # of anything that the database cannot hold
    "not_storable",
]
