"""Each check of the connector contract passes a good connector and catches a broken one."""

from collections.abc import Iterator

import pytest
from jsonschema import SchemaError

from connectors.sdk.errors import BrokenConnectorError, ForgedRequestError
from connectors.sdk.protocol import Health, Messenger, Receipt, Spec
from connectors.sdk.testing import Sample, Trial, connector_contract
from connectors.sdk.testing.building import NEVER_EXEMPT, checks
from tests.contract.connectors_reference.broken import BROKEN
from tests.contract.connectors_reference.good import Good, GoodConfig, sample

CONTRACT = connector_contract(Good, sample)


class Undocumented(Good):
    """Stands in a folder that has no README.md."""


CASES: dict[str, type[Good]] = {**BROKEN, "has_a_readme_with_its_headings": Undocumented}
OTHER_SIGNS: dict[str, type[Exception]] = {
    "passes_the_gate": BrokenConnectorError,
    "schemas_are_valid": SchemaError,
    "a_genuine_webhook_is_believed": ForgedRequestError,
    "an_empty_reply_is_no_bug": KeyError,
}


@pytest.fixture
def world() -> Iterator[Sample]:
    with sample() as made:
        yield made


@pytest.mark.parametrize("check", checks(CONTRACT))
def test_a_good_connector_passes(check: str, world: Sample) -> None:
    getattr(CONTRACT(), f"test_{check}")(Trial(Good, world))


@pytest.mark.parametrize("check", checks(CONTRACT))
def test_a_connector_broken_in_this_way_is_caught(check: str, world: Sample) -> None:
    """A check without a broken connector of its own would prove nothing: it fails here with a KeyError."""
    with pytest.raises(OTHER_SIGNS.get(check, AssertionError)):
        getattr(CONTRACT(), f"test_{check}")(Trial(CASES[check], world))


def test_no_broken_connector_is_left_without_its_check() -> None:
    assert set(CASES) == set(checks(CONTRACT))


class Mute(Messenger[GoodConfig]):
    spec = Spec(kind="mute", title="Mute", summary="Sends nothing.")
    config_model = GoodConfig

    def check(self) -> Health:
        return Health()

    def send(self, message: object) -> Receipt:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("exempt", "said"),
    [
        ({"no_such_check": "why"}, "is no check"),
        ({"secrets_are_never_shown": "why"}, "No connector is exempt"),
        ({"a_message_is_answered_with_its_id": " "}, "gives no reason"),
    ],
)
def test_an_exemption_needs_a_check_and_a_reason(exempt: dict[str, str], said: str) -> None:
    kind = type("Exempt", (Mute,), {"spec": Mute.spec.model_copy(update={"exempt": exempt})})
    with pytest.raises(ValueError, match=said):
        connector_contract(kind)


def test_an_exemption_is_shown_with_its_reason() -> None:
    spec = Mute.spec.model_copy(update={"exempt": {"a_message_is_answered_with_its_id": "the tool gives no id"}})
    contract = connector_contract(type("Exempt", (Mute,), {"spec": spec}))
    with pytest.raises(pytest.skip.Exception, match="exempt: the tool gives no id"):
        contract().test_a_message_is_answered_with_its_id()


def test_the_checks_that_others_rely_on_exist() -> None:
    assert set(checks(CONTRACT)) >= NEVER_EXEMPT


def test_only_the_checks_of_what_a_connector_can_do_are_made() -> None:
    names = checks(connector_contract(Mute, Sample({"token": "x"})))
    assert "a_message_is_answered_with_its_id" in names
    assert not {"discover_is_stable", "an_unknown_marker_finds_nothing", "retry_after_is_passed_on"} & set(names)
