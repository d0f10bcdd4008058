"""Cases from public reports of people who do this job, by name, with the tests that hold each of them."""

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FILES = "intake/test_field_cases.py::test_a_file_from_the_field"

CASES: dict[str, str] = {
    # wrong, and exit 0
    "a quote that is never closed": "intake/test_field_cases.py::"
    "test_c11_quote_a_quote_that_is_never_closed_costs_one_row_and_says_which",
    "Latin-1 bytes that happen to be GBK": FILES,
    "number formats that show more than the cell holds": FILES,
    "_x000D_ escapes": FILES,
    "formulas without a stored value": FILES,
    "a sheet a box": FILES,
    "hidden sheets": "intake/test_field_cases.py::test_sheet_reads_one_sheet_alone_and_a_wrong_name_lists_them",
    "files put one after another": FILES,
    "work order in merged cells": FILES,
    "full-width letters, no-break blanks, other hyphens": "intake/test_field_cases.py::"
    "test_c10_wide_characters_are_normalised_and_reported_or_refused",
    "quotes of both kinds": FILES,
    "a login answer of another shape": "cloud/test_field_cases.py::"
    "test_a_login_answer_of_another_shape_stops_the_run_after_a_few_tries",
    "a null refresh token": "cloud/test_field_cases.py::test_a_null_refresh_token_is_none",
    "MONTHLY_CALLS=26.000": "settings/test_settings.py::test_a_number_with_a_point_or_comma_is_no_whole_number",
    # a whole run or list lost for one item
    "half an emoji": "cloud/test_field_cases.py::test_half_an_emoji_becomes_the_replacement_character",
    "the literal NaN": "cloud/test_field_cases.py::test_one_odd_value_in_a_device_leaves_its_neighbours_on_the_page",
    "a device too long for the index": "sync/test_odd_items.py::"
    "test_a_device_that_no_table_holds_keeps_its_old_row_and_its_neighbours_land",
    "a node too long for the index": "sync/test_odd_items.py::"
    "test_a_craft_line_that_no_table_holds_is_a_dead_letter_beside_its_neighbours",
    "code -9999999, also on the token call": "cloud/test_field_cases.py::"
    "test_a_system_error_passes_also_on_the_token_call",
    "HTTP_PROXY in the environment": "flows/test_proxies.py::test_the_temporary_server_is_never_asked_through_a_proxy",
    "socks": "cloud/http/test_transport.py::test_a_proxy_of_another_kind_is_refused_in_words",
    "a server that closes kept connections": "cloud/http/test_transport.py::"
    "test_a_kept_connection_closed_without_a_word_costs_no_call",
    "pgbouncer in transaction mode": "flows/test_pgbouncer.py::test_nights_behind_a_pooler_by_transaction_end_well",
    "a token life of -1": "cloud/test_field_cases.py::test_a_token_that_ends_before_it_began_is_logged_and_used",
    # words
    "several hosts, odd ports and options in a database URL": "warehouse/test_field_cases.py::"
    "test_a_url_that_names_what_no_driver_knows_is_refused_with_what_to_write",
    "several hosts": "warehouse/test_field_cases.py::test_of_several_hosts_the_one_that_answers_is_used",
    "a database in SQL_ASCII or LATIN1": "warehouse/test_field_cases.py::test_a_database_in_another_encoding",
    "a schema that is not there": "warehouse/test_field_cases.py::"
    "test_a_schema_of_search_path_that_is_not_there_is_said",
    "a server that speaks German or Chinese": "warehouse/test_field_cases.py::"
    "test_a_server_that_refuses_in_another_language_is_understood",
    "no pg_hba.conf entry": "warehouse/test_field_cases.py::test_a_missing_line_in_pg_hba_is_said_in_every_language",
    "workbooks with odd fills, strict, HTML or XML called .xls": FILES,
    "a cell over 131,072 characters": FILES,
    "Parquet with a column twice, or times": FILES,
    "headings": "intake/test_field_cases.py::test_a_heading_of_the_field_is_known",
    "--column": "intake/test_field_cases.py::test_column_names_any_other_heading",
    "PREFECT_HOME that cannot be written": "flows/test_field_cases.py::"
    "test_a_home_of_prefects_that_cannot_be_written_is_named",
    "PREFECT_API_URL dead": "flows/test_field_cases.py::test_a_server_of_prefects_that_is_dead_is_told",
    "PREFECT_API_URL without /api": "flows/test_field_cases.py::test_a_url_of_prefects_api_that_lacks_its_end_is_told",
    "broken profiles": "flows/test_field_cases.py::test_broken_profiles_of_prefect_are_named_with_their_file",
    "three flows that start at once": "flows/test_field_cases.py::"
    "test_three_flows_that_start_at_once_each_have_a_server_and_end_well",
    "headers over 8 KB": "cloud/http/test_transport.py::test_headers_of_more_than_8_kb_are_read",
    "brotli or zstd unasked": "cloud/http/test_transport.py::test_a_compression_that_was_not_asked_for_is_named",
    "lengths doubled": "cloud/http/test_transport.py::test_an_answer_that_says_its_length_twice_is_not_called_cut_off",
    "https to a plain port": "cloud/http/test_transport.py::test_https_to_a_plain_port_is_named",
    "# in a proxy password, ALL_PROXY": "cloud/http/test_transport.py::test_all_proxy_and_a_hash_in_the_password",
    "SSL_CERT_FILE": "cloud/http/test_transport.py::test_an_untrusted_certificate_is_refused_in_words",
    "secrets with quotes or invisible characters": "settings/test_settings.py::"
    "test_a_secret_in_quotes_or_with_invisible_characters_inside_is_refused",
    "secrets with a BOM": "settings/test_settings.py::test_a_secret_file_that_an_editor_began_with_a_bom_is_read",
    "NO_PROXY as *.x, host:port, CIDR": "cloud/http/test_transport.py::test_no_proxy_in_all_its_forms",
    "a BOM before JSON": "cloud/test_field_cases.py::test_a_byte_order_mark_before_an_answer_is_passed_over",
    "em spelt AES_GCM or AES-GCM": "messages/test_envelope.py::test_the_name_of_the_cipher_is_read_in_any_spelling",
}

FROM_FACTORIES = (
    "c10_wide.csv c11_quote.tsv c12_cat.csv c13_latin1.csv c14_long.csv c15_space_quote.csv c1_empty_fill.xlsx "
    "c2_formula_uncached.xlsx c3_x000d.xlsx c3c_x005f.xlsx c4a_format.xlsx c4b_format.xlsx c5_three_sheets.xlsx "
    "c6_merged_order.xlsx c7_strict.xlsx c9_html.xls c9b_2003.xls p07_twice.parquet p21_timestamp_ns.parquet"
).split()


@cache
def functions_of(module: str) -> set[str]:
    found = ast.walk(ast.parse((TESTS / module).read_text()))
    return {each.name for each in found if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("case", CASES)
def test_a_case_has_its_test(case: str) -> None:
    module, _, name = CASES[case].partition("::")
    assert name in functions_of(module)


@pytest.mark.parametrize("name", FROM_FACTORIES)
def test_a_file_of_the_cases_is_there_and_is_read_by_a_test(name: str) -> None:
    assert (TESTS / "intake" / "files" / name).is_file()
    assert f'"{name}"' in (TESTS / "intake" / "test_field_cases.py").read_text()
