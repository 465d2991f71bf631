"""How detectors are declared and found."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from rules.errors import DetectorError
from rules.findings import Findings
from rules.history import History
from rules.registry import REGISTRY, Params, Registry


class Nothing(Params):
    pass


def silent(history: History, params: Nothing) -> Findings:
    return Findings()


def declare(registry: Registry, name: str = "quiet", **changes: Any) -> None:  # noqa: ANN401 - what a decorator takes
    given: dict[str, Any] = {"version": 1, "params": Nothing, "clears": "condition"}
    registry.detector(name, **(given | changes))(silent)


def test_a_detector_is_found_by_its_name() -> None:
    registry = Registry()
    declare(registry, version=3, clears="event", subjects=("objective",), facts=("age",), effect="days")
    found = registry.get("quiet")
    assert (found.name, found.version, found.clears, found.effect) == ("quiet", 3, "event", "days")
    assert (found.subjects, found.facts) == (("objective",), ("age",))
    assert found.detect is silent
    assert registry.names() == ["quiet"]


def test_a_name_is_taken_once() -> None:
    registry = Registry()
    declare(registry)
    with pytest.raises(DetectorError, match=r"quiet is already the detector in .*test_registry: choose another name"):
        declare(registry)


@pytest.mark.parametrize("name", ["", "Quiet", "quiet-one", "_quiet", "quiet_", "1quiet"])
def test_a_name_is_snake_case(name: str) -> None:
    with pytest.raises(DetectorError, match="use snake case"):
        declare(Registry(), name)


@pytest.mark.parametrize("change", [{"version": 0}, {"subjects": ()}, {"subjects": ("series", "person")}])
def test_version_and_subjects_make_sense(change: dict[str, Any]) -> None:
    with pytest.raises(DetectorError, match="subjects are some of series, key_result, objective"):
        declare(Registry(), **change)


def test_an_unknown_name_comes_with_the_nearest_one() -> None:
    registry = Registry()
    declare(registry)
    with pytest.raises(DetectorError, match=r"there is no detector 'quite'; did you mean 'quiet'\? Known: quiet"):
        registry.get("quite")
    with pytest.raises(DetectorError, match=r"there is no detector 'x'\. None is known"):
        Registry().get("x")


def test_ours_are_found_by_the_name_of_their_file() -> None:
    assert "stale" in REGISTRY.names()
    found = Registry("rules.detectors")
    assert "stale" in found.names()
    assert REGISTRY.get("stale").name == "stale"


def test_parameters_refuse_a_typo_and_do_not_change() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Nothing.model_validate({"typo": 1})
    assert Nothing.model_config["frozen"]


def test_a_section_of_the_manual_is_one_line() -> None:
    stale = REGISTRY.get("stale")
    assert stale.manual.startswith("Stale: no news beyond")
    assert stale.section("Innocent explanations").startswith("The person who enters it is away; the source closed")
    assert "\n" not in stale.section("Method")
    assert stale.section("What would settle it").endswith("calendar or use.")
    assert stale.section("Nothing of the kind") == ""
