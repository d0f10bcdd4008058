"""Files of tickets and tokens: different secrets never share one."""

from itertools import product

import pytest

from tasks.visual_tokens import block_name
from tuyahouse.sync.access.token_files import file_name, secret_name


@pytest.mark.parametrize("named", [file_name, block_name])
def test_different_parts_give_different_names(named):
    parts = ["a", "86", "1-x", "1", "x", "a-86", "86-1", "a~", "~-86", "-", "", "x/y", "x y", "x?y"]
    names = {named(secret_name("ticket", *each)) for each in product(parts, repeat=3)}
    assert len(names) == len(parts) ** 3


def test_a_common_name_stays_readable():
    assert file_name(secret_name("ticket", "demo", "86", "isv@example.com")) == "ticket-demo-86-isv@example.com"
