"""Signing in before anything is asked."""

import pytest

from tests.cloud.fake_tuya import refused
from tuyahouse.cloud.errors import ConfigurationWrong


async def test_signing_in_leaves_a_token_of_every_kind_the_account_can_have(open_client, tokens):
    async with open_client() as client:
        kinds = await client.sign_in()
        assert kinds == ["platform", "pms"]
        assert [kind for kind in kinds if tokens.read(client.account.name, kind) is None] == []


async def test_an_account_without_the_production_system_has_the_platform_alone(open_client):
    async with open_client(pms_username="", pms_password="") as client:
        assert await client.sign_in() == ["platform"]


async def test_one_kind_alone_leaves_the_other(open_client, tokens):
    async with open_client() as client:
        assert await client.sign_in("platform") == ["platform"]
        assert tokens.read(client.account.name, "pms") is None


async def test_tokens_that_last_cost_no_call(open_client):
    async with open_client() as client:
        await client.sign_in()
    async with open_client() as again:
        await again.sign_in()
        assert again.calls == 0


async def test_a_refusal_is_raised(open_client, tuya):
    tuya.plan("/v1.0/token", refused(1005))
    async with open_client() as client:
        with pytest.raises(ConfigurationWrong, match="CLIENT_ID"):
            await client.sign_in()
