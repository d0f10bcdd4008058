"""Settings from every source, and errors that name the variable to change."""

import re
import subprocess
from datetime import timedelta

import pytest

from tuyahouse.settings import Account, Region, SettingsError, load_settings

FACTORY = "TUYAHOUSE_ACCOUNTS__FACTORY__"
GOOD = {f"{FACTORY}REGION": "cn", f"{FACTORY}CLIENT_ID": "abc", f"{FACTORY}CLIENT_SECRET": "s3cret-of-factory"}


@pytest.fixture
def env(monkeypatch):
    def set_all(variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_all


@pytest.fixture
def toml(tmp_path):
    def write(text):
        (tmp_path / "tuyahouse.toml").write_text(text)  # tests run in tmp_path

    return write


@pytest.fixture
def secrets(tmp_path, monkeypatch):
    def write(files):
        directory = tmp_path / "secrets"
        directory.mkdir()
        for name, text in files.items():
            (directory / name).write_text(text)
        monkeypatch.setenv("TUYAHOUSE_SECRETS_DIR", str(directory))

    return write


def problems():
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


def sentence():
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return str(caught.value)


# -------------------------------------------------------------------------------------------------------------- sources


def test_without_any_source_there_are_defaults():
    settings = load_settings()
    assert (settings.warehouse_url, settings.accounts, settings.secret_key) == ("sqlite:///tuyahouse.db", {}, None)


def test_an_account_comes_from_the_environment(env):
    env(GOOD)
    account = load_settings().account("factory")
    assert (account.name, account.region, account.client_id) == ("factory", Region.CHINA, "abc")
    assert account.client_secret.get_secret_value() == "s3cret-of-factory"


def test_an_account_comes_from_the_file(toml):
    toml('[accounts.factory]\nregion = "eu"\nclient_id = "abc"\nclient_secret = "x"\nproject_ids = ["1", "2"]\n')
    account = load_settings().account("factory")
    assert (account.url, account.project_ids) == ("https://openapi.tuyaeu.com", ("1", "2"))


def test_a_secret_comes_from_a_file_named_like_its_variable(env, secrets):
    env({name: value for name, value in GOOD.items() if "SECRET" not in name})
    secrets({f"{FACTORY}CLIENT_SECRET": "from-the-file\n"})
    assert load_settings().account("factory").client_secret.get_secret_value() == "from-the-file"


def test_a_secret_file_may_be_named_in_lower_case(env, secrets):
    env({name: value for name, value in GOOD.items() if "SECRET" not in name})
    secrets({f"{FACTORY}CLIENT_SECRET".lower(): "from-the-file"})
    assert load_settings().account("factory").client_secret.get_secret_value() == "from-the-file"


def test_the_environment_wins_over_secret_files_and_these_over_the_configuration_file(env, secrets, toml):
    toml(
        '[accounts.factory]\nregion = "in"\nclient_id = "toml"\nclient_secret = "toml"\n'
        'pms_username = "toml"\npms_password = "toml"\n'
    )
    secrets({f"{FACTORY}CLIENT_SECRET": "file", f"{FACTORY}PMS_PASSWORD": "file"})
    env({f"{FACTORY}CLIENT_SECRET": "environment"})
    account = load_settings().account("factory")
    assert account.client_secret.get_secret_value() == "environment"
    assert account.pms_password.get_secret_value() == "file"
    assert account.client_id == "toml"


def test_arguments_win_over_everything(env):
    env({"TUYAHOUSE_CHUNK_SIZE": "10"})
    assert load_settings(chunk_size=20).chunk_size == 20


def test_the_configuration_file_may_be_named(env, tmp_path):
    (tmp_path / "other.toml").write_text("chunk_size = 7\n")
    env({"TUYAHOUSE_CONFIG": str(tmp_path / "other.toml")})
    assert load_settings().chunk_size == 7


def test_a_named_configuration_file_that_is_missing_is_an_error(env):
    env({"TUYAHOUSE_CONFIG": "nowhere.toml"})
    assert sentence() == "TUYAHOUSE_CONFIG names nowhere.toml, which is not a file."


def test_a_configuration_file_that_is_no_toml_is_an_error_that_names_the_place(toml):
    toml("[accounts.factory\n")
    assert "tuyahouse.toml" in sentence()
    assert "line 1" in sentence()


def test_a_missing_secrets_directory_is_an_error(env, tmp_path):
    env({"TUYAHOUSE_SECRETS_DIR": str(tmp_path / "nowhere")})
    assert "nowhere" in sentence()


def test_a_secrets_directory_that_is_a_file_is_an_error(env, tmp_path):
    (tmp_path / "file").write_text("x")
    env({"TUYAHOUSE_SECRETS_DIR": str(tmp_path / "file")})
    assert sentence() == f"TUYAHOUSE_SECRETS_DIR names {tmp_path / 'file'}, which is not a directory."


def test_a_secret_file_that_is_no_text_is_named_and_not_quoted(env, secrets, tmp_path):
    env(GOOD)
    secrets({"TUYAHOUSE_SECRET_KEY": ""})
    (tmp_path / "secrets" / "TUYAHOUSE_SECRET_KEY").write_bytes(b"hunter\xff")
    assert "TUYAHOUSE_SECRET_KEY (TUYAHOUSE_SECRETS_DIR) is not UTF-8 text" in sentence()


def test_a_secret_file_that_links_to_elsewhere_is_not_passed_over(env, secrets, tmp_path):
    env({name: value for name, value in GOOD.items() if "SECRET" not in name})
    secrets({})
    (tmp_path / "elsewhere").write_text("x")
    (tmp_path / "secrets" / f"{FACTORY}CLIENT_SECRET").symlink_to(tmp_path / "elsewhere")
    assert "is a link to a place outside of TUYAHOUSE_SECRETS_DIR" in sentence()


def test_links_within_the_directory_are_read_as_kubernetes_makes_them(env, secrets, tmp_path):
    env({name: value for name, value in GOOD.items() if "SECRET" not in name})
    secrets({})
    (tmp_path / "secrets" / "..2026").mkdir()
    (tmp_path / "secrets" / "..2026" / f"{FACTORY}CLIENT_SECRET").write_text("mounted")
    (tmp_path / "secrets" / "..data").symlink_to("..2026")
    (tmp_path / "secrets" / f"{FACTORY}CLIENT_SECRET").symlink_to(f"..data/{FACTORY}CLIENT_SECRET")
    assert load_settings().account("factory").client_secret.get_secret_value() == "mounted"


def test_a_misspelt_secret_file_names_the_one_that_is_meant(env, secrets):
    env(GOOD)
    secrets({"TUYAHOUSE_SECRETKEY": "x"})
    assert problems() == ["TUYAHOUSE_SECRETKEY: there is no such setting; perhaps TUYAHOUSE_SECRET_KEY is meant"]


@pytest.mark.parametrize("password", ["p@ss", "pa/ss@word", "pa/ss", "pa#ss", "pa?ss", "@"])
def test_a_password_in_a_url_that_is_not_encoded_is_refused_and_not_shown(env, password):
    env({"TUYAHOUSE_WAREHOUSE_URL": f"postgresql://u:{password}@db.example:5432/warehouse"})
    (line,) = problems()
    assert line.startswith("TUYAHOUSE_WAREHOUSE_URL: its user or password holds a character that must be encoded")
    assert "ss" not in line.removeprefix("TUYAHOUSE_WAREHOUSE_URL: its user or password")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p%40ss@db.example:5432/warehouse?sslmode=require",
        "postgresql://db.example/warehouse?user=u@tenant",
        "postgresql://u:@/warehouse?host=/run/pg",
        "postgresql:///warehouse",
        "sqlite:////data/@home/a#b.db",
    ],
)
def test_urls_that_need_no_change(env, url):
    env({"TUYAHOUSE_WAREHOUSE_URL": url})
    assert load_settings().warehouse_url == url


def test_errors_tell_that_they_may_come_from_the_configuration_file(toml):
    toml("chunk_sise = 3")
    assert problems() == [
        "TUYAHOUSE_CHUNK_SISE: there is no such setting",
        "These are names of variables; in tuyahouse.toml the same is written in lower case, A__B as b under [a].",
    ]


def test_one_variable_may_hold_all_accounts_as_json(env):
    env({"TUYAHOUSE_ACCOUNTS": '{"Factory": {"region": "cn", "client_id": "abc", "client_secret": "x"}}'})
    assert load_settings().account("factory").name == "factory"


def test_an_empty_variable_is_as_good_as_none(env):
    env({**GOOD, f"{FACTORY}MONTHLY_CALLS": "", f"{FACTORY}BASE_URL": ""})
    assert load_settings().account("factory").monthly_calls is None


# --------------------------------------------------------------------------------------------------- names of accounts


@pytest.mark.parametrize("name", ["factory", "FACTORY", "Factory"])
def test_account_names_are_case_insensitive(env, name):
    env(GOOD)
    assert load_settings().account(name).name == "factory"


def test_two_spellings_of_one_account_in_file_and_environment_are_merged(env, toml):
    toml('[accounts.Factory]\nregion = "eu"\nclient_id = "toml"\nclient_secret = "x"\n')
    env({"TUYAHOUSE_ACCOUNTS__factory__REGION": "cn"})
    settings = load_settings()
    assert list(settings.accounts) == ["factory"]
    assert (settings.account("factory").region, settings.account("factory").client_id) == (Region.CHINA, "toml")


def test_two_spellings_of_one_account_in_the_file_are_refused(toml):
    toml('[accounts.Factory]\nregion = "eu"\n[accounts.factory]\nregion = "cn"\n')
    assert sentence() == (
        "TUYAHOUSE_ACCOUNTS: 'Factory' and 'factory' are the same account, as case does not matter; keep one of them."
    )


def test_an_unknown_account_names_those_there_are(env):
    env(GOOD)
    with pytest.raises(SettingsError) as caught:
        load_settings().account("Plant")
    assert "There is no account 'Plant' (there are: factory)." in str(caught.value)
    assert "TUYAHOUSE_ACCOUNTS__PLANT__CLIENT_ID" in str(caught.value)


# --------------------------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("1,2", ("1", "2")),
        (" 1 , 2, ", ("1", "2")),
        ('["1","2"]', ("1", "2")),
        ("[1, 1234567890123456789]", ("1", "1234567890123456789")),
        ("7", ("7",)),
    ],
)
def test_project_ids_are_a_list_with_commas_or_json(env, text, ids):
    env({**GOOD, f"{FACTORY}PROJECT_IDS": text})
    assert load_settings().account("factory").project_ids == ids


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("12h", timedelta(hours=12)),
        ("1.5D", timedelta(days=1.5)),
        ("12:00:00", timedelta(hours=12)),
        ("PT12H", timedelta(hours=12)),
    ],
)
def test_durations_are_written_as_people_do(env, text, duration):
    env({"TUYAHOUSE_PLAN__OPEN_AFTER": text})
    assert load_settings().plan.open_after == duration


def test_no_duration_is_negative_and_no_lock_ends_at_once(env):
    env({"TUYAHOUSE_RAW_RETENTION": "-P1D", "TUYAHOUSE_LOCK_LEASE": "0s"})
    assert problems() == [
        "TUYAHOUSE_RAW_RETENTION: is negative; a duration is zero or more",
        "TUYAHOUSE_LOCK_LEASE: must be at least 1 second",
    ]


def test_a_table_of_durations_is_json(env):
    env({"TUYAHOUSE_COMMANDS__DEADLINE_BY_PRODUCT_TYPE": '{"kg": "5m"}'})
    assert load_settings().commands.deadline_by_product_type == {"kg": timedelta(minutes=5)}


def test_choices_do_not_mind_capitals_and_pasted_blanks(env):
    env({**GOOD, f"{FACTORY}REGION": "CN ", f"{FACTORY}SIGNATURE": "V1", f"{FACTORY}CLIENT_ID": " abc\n"})
    account = load_settings().account("factory")
    assert (account.region, account.signature, account.client_id) == (Region.CHINA, "v1", "abc")


def test_blanks_and_line_ends_around_pasted_secrets_are_taken_off(env):
    env({**GOOD, f"{FACTORY}CLIENT_SECRET": " x\n", f"{FACTORY}PMS_USERNAME": "u", f"{FACTORY}PMS_PASSWORD": "p q\n"})
    account = load_settings().account("factory")
    assert (account.client_secret.get_secret_value(), account.pms_password.get_secret_value()) == ("x", "p q")


def test_a_base_url_wins_over_the_region_and_loses_its_slash(env):
    env({**GOOD, f"{FACTORY}BASE_URL": "http://127.0.0.1:8000/"})
    assert load_settings().account("factory").url == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("source", "url"), [("pulsar", "pulsar+ssl://mqe.tuyacn.com:7285/"), ("websocket", "wss://mqe.tuyacn.com:8285/")]
)
def test_the_message_endpoint_follows_the_region(env, source, url):
    env({**GOOD, f"{FACTORY}MESSAGES_SOURCE": source})
    assert load_settings().account("factory").message_url == url


def test_an_account_made_by_hand_needs_no_environment():
    account = Account(name="x", base_url="http://localhost", client_id="a", client_secret="b")
    assert load_settings(accounts={"X": account}).account("x").url == "http://localhost"


# --------------------------------------------------------------------------------------------------------------- errors


def test_all_errors_are_reported_at_once_each_with_its_variable(env):
    env(
        {
            f"{FACTORY}SIGNATURE": "v3",
            f"{FACTORY}TYPO": "1",
            f"{FACTORY}PMS_USERNAME": "operator",
            f"{FACTORY}PROJECT_IDS": "[1",
            "TUYAHOUSE_ACCOUNTS__PLANT__REGION": "mars",
            "TUYAHOUSE_CHUNK_SIZE": "many",
            "TUYAHOUSE_PLAN__OPEN_AFTER": "soon",
            "TUYAHOUSE_WAREHOUSE_URL": "tuyahouse.db",
        }
    )
    assert sorted(line.split(":")[0] for line in problems()) == [
        f"{FACTORY}CLIENT_ID",
        f"{FACTORY}CLIENT_SECRET",
        f"{FACTORY}PMS_PASSWORD",
        f"{FACTORY}PROJECT_IDS",
        f"{FACTORY}REGION",
        f"{FACTORY}SIGNATURE",
        f"{FACTORY}TYPO",
        "TUYAHOUSE_ACCOUNTS__PLANT__CLIENT_ID",
        "TUYAHOUSE_ACCOUNTS__PLANT__CLIENT_SECRET",
        "TUYAHOUSE_ACCOUNTS__PLANT__REGION",
        "TUYAHOUSE_CHUNK_SIZE",
        "TUYAHOUSE_PLAN__OPEN_AFTER",
        "TUYAHOUSE_WAREHOUSE_URL",
    ]


def test_a_missing_region_is_reported_together_with_a_missing_client_id(env):
    env({f"{FACTORY}CLIENT_SECRET": "x"})
    assert problems() == [
        f"{FACTORY}CLIENT_ID: is missing",
        f"{FACTORY}REGION: is missing: set the project's data centre (cn, us, us-e, eu, eu-w, in, sg), "
        "or BASE_URL instead",
    ]


@pytest.mark.parametrize(("given", "missing"), [("PMS_USERNAME", "PMS_PASSWORD"), ("PMS_PASSWORD", "PMS_USERNAME")])
def test_half_a_pms_login_names_the_other_half(env, given, missing):
    env({**GOOD, f"{FACTORY}{given}": "something"})
    assert problems() == [f"{FACTORY}{missing}: is missing, but {given} is set: they go together"]


def test_a_setting_that_does_not_exist_is_an_error(env):
    env({**GOOD, f"{FACTORY}CALLS_PER_SECONDS": "4"})
    assert problems() == [f"{FACTORY}CALLS_PER_SECONDS: there is no such setting"]


def test_a_misspelt_variable_names_the_one_that_is_meant(env):
    env({"TUYAHOUSE_ACCOUNT__FACTORY__REGION": "cn"})
    assert problems() == [
        "TUYAHOUSE_ACCOUNT__FACTORY__REGION: there is no such setting; "
        "perhaps TUYAHOUSE_ACCOUNTS__FACTORY__REGION is meant"
    ]


def test_a_variable_of_another_program_is_left_alone(env):
    env({"TUYAHOUSE_TEST_POSTGRES_URL": "postgresql://x"})
    assert load_settings().accounts == {}


def test_accounts_that_are_no_table_are_refused(env):
    env({"TUYAHOUSE_ACCOUNTS": "hunter2"})
    assert problems() == ["TUYAHOUSE_ACCOUNTS: is not the expected JSON"]


# -------------------------------------------------------------------------------------------------------------- secrets

SECRETS = {
    f"{FACTORY}CLIENT_SECRET": "hunter-client",
    f"{FACTORY}PMS_USERNAME": "operator",
    f"{FACTORY}PMS_PASSWORD": "hunter-pms",
    "TUYAHOUSE_SECRET_KEY": "hunter-key-of-more-than-twenty",
    "TUYAHOUSE_WAREHOUSE_URL": "postgresql://u:hunter-database@h/d",
}


def test_no_secret_is_in_the_text_of_settings(env):
    env({**GOOD, **SECRETS})
    settings = load_settings()
    assert settings.warehouse_url.startswith("postgresql://u:hunter")
    assert "hunter" not in f"{settings} {settings!r} {settings.account('factory')!r}"


def test_no_secret_is_in_an_error(env):
    env({**SECRETS, f"{FACTORY}BASE_URL": "ftp://u:hunter-url@h", "TUYAHOUSE_CHUNK_SIZE": "hunter2"})
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "hunter" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_no_secret_is_in_an_error_about_a_table_that_is_not_closed(env):
    env({"TUYAHOUSE_ACCOUNTS": '{"factory": {"client_secret": "hunter2"'})
    assert "hunter" not in sentence()


# ----------------------------------------------------------------------------------- settings that would be passed over


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ACCOUNTS_FACTORY_MONTHLY_CALLS", "ACCOUNTS__FACTORY__MONTHLY_CALLS"),
        ("ACCOUNTS__FACTORY_MONTHLY_CALLS", "ACCOUNTS__FACTORY__MONTHLY_CALLS"),
        ("ACCOUNTS_FACTORY__MONTHLY_CALLS", "ACCOUNTS__FACTORY__MONTHLY_CALLS"),
        ("ACCOUNT__FACTORY__MONTHLY_CALLS", "ACCOUNTS__FACTORY__MONTHLY_CALLS"),
        ("ACCOUNTS_MY_PLANT_BASE_URL", "ACCOUNTS__MY_PLANT__BASE_URL"),
        ("accounts_factory_region", "ACCOUNTS__FACTORY__REGION"),
        ("ACCOUNTS_FACTORY_BUDGET", "ACCOUNTS__<NAME>__<SETTING>"),
        ("PLAN_OPEN_AFTER", "PLAN__OPEN_AFTER"),
        ("COMMANDS_GIVE_UP_AFTER", "COMMANDS__GIVE_UP_AFTER"),
        ("CHUNK__SIZE", "CHUNK_SIZE"),
    ],
)
def test_a_setting_with_a_wrong_number_of_underscores_is_refused_with_the_right_name(env, written, meant):
    prefix = "tuyahouse_" if written.islower() else "TUYAHOUSE_"
    env({**GOOD, f"{prefix}{written}": "5"})
    assert problems() == [f"{prefix}{written}: there is no such setting; perhaps TUYAHOUSE_{meant} is meant"]


@pytest.mark.parametrize("number", ["26.000", "26,000", "26.0", "2.6e4", "1_000 "])
def test_a_number_with_a_point_or_comma_is_no_whole_number(env, number):
    env({**GOOD, f"{FACTORY}MONTHLY_CALLS": number})
    assert problems() == [f"{FACTORY}MONTHLY_CALLS: is not a whole number; write digits only, for example 26000"]


def test_a_fraction_in_the_file_is_no_whole_number_either(toml):
    toml('chunk_size = 2.000\n[accounts.factory]\nregion="eu"\nclient_id="a"\nclient_secret="b"\nmonthly_calls=26.000')
    wrong = {line.split(":")[0] for line in problems()[:-1]}  # the last one explains names of variables
    assert wrong == {f"{FACTORY}MONTHLY_CALLS", "TUYAHOUSE_CHUNK_SIZE"}


@pytest.mark.parametrize("key", ["changeme", "a" * 40, "short-and-guessable"])
def test_a_weak_key_is_refused_and_the_words_make_a_strong_one(env, key):
    env({"TUYAHOUSE_SECRET_KEY": key})
    (line,) = problems()
    assert key not in line
    command = re.search("`(.+)`", line)[1]
    made = subprocess.run(command, shell=True, capture_output=True, text=True, check=True).stdout
    env({"TUYAHOUSE_SECRET_KEY": made})
    assert load_settings().secret_key.get_secret_value() == made.strip()


@pytest.mark.parametrize("around", ["\ufeff{}", "{}\u200b", "\u00a0{} ", "{}\n"])
def test_invisible_characters_around_a_secret_are_left_out(env, around):
    env({**GOOD, f"{FACTORY}CLIENT_SECRET": around.format("s3cret-of-factory")})
    assert load_settings().account("factory").client_secret.get_secret_value() == "s3cret-of-factory"


@pytest.mark.parametrize("name", ["CLIENT_ID", "CLIENT_SECRET", "PMS_PASSWORD"])
@pytest.mark.parametrize(("value", "said"), [('"hunter"', "is in quotes"), ("hun\u200bter", "is invisible")])
def test_a_secret_in_quotes_or_with_invisible_characters_inside_is_refused(env, name, value, said):
    env({**GOOD, f"{FACTORY}PMS_USERNAME": "u", f"{FACTORY}PMS_PASSWORD": "p", f"{FACTORY}{name}": value})
    (line,) = problems()
    assert line.startswith(f"{FACTORY}{name}: ") and said in line and "hunter" not in line


def test_a_secret_file_that_an_editor_began_with_a_bom_is_read(env, secrets):
    env({name: value for name, value in GOOD.items() if "SECRET" not in name})
    secrets({f"{FACTORY}CLIENT_SECRET": "\ufefffrom-the-file\n"})
    assert load_settings().account("factory").client_secret.get_secret_value() == "from-the-file"


def test_two_accounts_of_one_project_are_refused_because_they_would_end_each_other_s_tokens(env):
    fields = {"REGION": "eu", "CLIENT_ID": "abc", "CLIENT_SECRET": "x"}
    for name in ("ANNEX", "PLANT"):
        env({f"TUYAHOUSE_ACCOUNTS__{name}__{field}": value for field, value in fields.items()})
    with pytest.raises(SettingsError) as caught:
        load_settings()
    (line,) = str(caught.value).splitlines()[1:]
    assert line.strip().startswith(
        "TUYAHOUSE_ACCOUNTS__PLANT__CLIENT_ID: is that of the account 'annex' too. A project has one live token"
    )
