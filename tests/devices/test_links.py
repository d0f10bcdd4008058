"""Serial numbers that arrive without saying which device each belongs to."""

from tuyahouse.sync.devices.links import pair


def test_a_serial_number_that_another_source_names_for_the_device_is_its_own() -> None:
    assert pair(["S1", "S2"], {"d1": {"S1"}, "d2": {"S2"}}) == ({"d1": "S1", "d2": "S2"}, [])


def test_the_order_of_the_list_proves_nothing() -> None:
    assert pair(["S1", "S2"], {"d1": set(), "d2": set()}) == ({}, ["d1", "d2"])


def test_devices_that_no_other_source_knows_are_asked_one_by_one() -> None:
    assert pair(["S1", "S2"], {"d1": {"S1"}, "d2": {"8600001"}}) == ({"d1": "S1"}, ["d2"])


def test_a_serial_number_named_for_two_devices_is_asked_for_both() -> None:
    assert pair(["S1", "S2"], {"d1": {"S1"}, "d2": {"S1"}}) == ({}, ["d1", "d2"])


def test_a_device_with_two_serial_numbers_on_the_list_is_asked() -> None:
    assert pair(["S1", "S2"], {"d1": {"S1", "S2"}, "d2": set()}) == ({}, ["d1", "d2"])


def test_a_contradicting_source_leads_to_asking() -> None:
    assert pair(["S9"], {"d1": {"S1"}}) == ({}, ["d1"])


def test_devices_without_a_serial_number_cost_no_further_call() -> None:
    assert pair([], {"d1": {"S1"}, "d2": set()}) == ({}, [])
    assert pair(["S1"], {"d1": {"S1"}, "d2": set()}) == ({"d1": "S1"}, [])
