"""Every detector, ours or anybody's, keeps to the same contract."""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from functools import cache

import numpy as np
import pytest
from pydantic import ValidationError

from rules.alerts import CLEAR, Finding, Standing, Verdict
from rules.catalogue import HEADINGS
from rules.engine import evaluate
from rules.history import History
from rules.lifecycle import Ending, Phase, Transition, advance, settle
from rules.loader import load_pack, packs
from rules.registry import REGISTRY, Detector, Registry
from rules.schema import Rule
from tests.rules import patterned
from tests.rules.detectors_for_tests import REGISTRY as TEST_REGISTRY
from tests.rules.organisations import build, organisation

DETECTORS = [REGISTRY.get(name) for name in REGISTRY.names()]
IMPORTS = {
    "__future__", "collections", "dataclasses", "enum", "functools", "itertools", "math", "typing",
    "numpy", "scipy", "pydantic", "rules",
}  # fmt: skip
IMPURE = {"now", "today", "utcnow", "open", "print", "environ", "default_rng", "seed", "time_ns", "perf_counter"}
JUDGING = re.compile(r"gaming|manipulat|suspicious|fraud|cheat|guilty|fake", re.IGNORECASE)


def rule(detector: Detector, kind: str, registry: Registry = REGISTRY) -> Rule:
    given = {
        "name": "any-rule",
        "detector": detector.name,
        "description": "x",
        "scope": {"subject": kind},
        "stage": "live",
    }
    assert registry.get(detector.name) is detector
    return Rule.model_validate(given)


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.name)
class TestEveryDetector:
    def test_its_file_has_its_name(self, detector: Detector) -> None:
        assert detector.detect.__module__ == f"rules.detectors.{detector.name}"

    def test_its_manual_has_every_section_in_order(self, detector: Detector) -> None:
        found = re.findall(r"^\*\*(.+?)\.\*\*", detector.manual, re.MULTILINE)
        assert found == list(HEADINGS)
        for heading in HEADINGS:
            assert len(detector.section(heading).split()) >= 5, heading

    def test_its_parameters_refuse_a_typo_have_defaults_and_are_described(self, detector: Detector) -> None:
        with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
            detector.params.model_validate({"no_such_parameter": 1})
        for name, field in detector.params.model_fields.items():
            assert not field.is_required(), name
            assert field.description, name
        written = detector.params().model_dump(mode="json")
        assert detector.params.model_validate(json.loads(json.dumps(written))) == detector.params()

    def test_it_is_pure(self, detector: Detector) -> None:
        tree = ast.parse(inspect.getsource(sys.modules[detector.detect.__module__]))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= IMPORTS
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] in IMPORTS
            if isinstance(node, ast.Attribute | ast.Name):
                assert (node.attr if isinstance(node, ast.Attribute) else node.id) not in IMPURE

    def test_the_same_question_gets_the_same_answer(self, detector: Detector) -> None:
        for kind in detector.subjects:
            first, second = (
                evaluate([rule(detector, kind)], build(organisation(5, 20), 150)).result("any-rule") for _ in range(2)
            )
            assert first.failure is None
            assert first.cases.to_json() == second.cases.to_json()
            assert first.findings == second.findings

    def test_an_empty_history_is_answered(self, detector: Detector) -> None:
        for kind in detector.subjects:
            result = evaluate([rule(detector, kind)], History(as_of=0)).result("any-rule")
            assert (result.failure, len(result.cases), result.findings) == (None, 0, ())

    def test_it_changes_nothing_in_the_history(self, detector: Detector) -> None:
        history = build(organisation(5, 20), 150)
        before = {
            name: column.copy() for name, column in vars(history.observations).items() if isinstance(column, np.ndarray)
        }
        evaluate([rule(detector, detector.subjects[0])], history)
        for name, column in before.items():
            np.testing.assert_array_equal(getattr(history.observations, name), column)

    def test_every_subject_is_tested_or_said_to_be_skipped(self, detector: Detector) -> None:
        for kind in detector.subjects:
            result = evaluate([rule(detector, kind)], build(organisation(5, 20), 150)).result("any-rule")
            spoken_of = set(result.cases.subject) | {subject for subject, _ in result.skipped}
            assert spoken_of == result.asked
            assert all(re.match(r"[a-z]", need) for need in result.skipped.values())

    def test_its_findings_say_only_the_facts_that_it_declares(self, detector: Detector) -> None:
        for finding in findings(detector):
            assert set(finding.facts) <= set(detector.facts)

    def test_its_findings_carry_evidence_and_no_judgement(self, detector: Detector) -> None:
        found = findings(detector)
        assert found, "the samples give it nothing to find: plant its pattern in tests/rules/patterned.py"
        for finding in found:
            assert finding.evidence
            assert all(row["table"] for row in finding.evidence)
            assert finding.summary
            assert not JUDGING.search(finding.summary + json.dumps(finding.facts))
            assert finding.start <= finding.end
            assert finding.known_at <= finding.as_of

    def test_a_rule_that_we_ship_uses_it(self, detector: Detector) -> None:
        assert detector.name in {rule.detector for name in packs() for rule in load_pack(name).rules}


@cache
def found_by_all() -> list[Finding]:
    """Find what the rules that we ship find in some sample organisations."""
    ours = [rule for name in packs() for rule in load_pack(name).rules]
    histories = [build(organisation(seed), 170) for seed in range(6)]
    histories += [patterned.build(patterned.patterned(seed), 190) for seed in (1, 2)]
    return [finding for history in histories for finding in evaluate(ours, history).findings]


def findings(detector: Detector) -> list[Finding]:
    return [finding for finding in found_by_all() if finding.detector == detector.name]


class TestWhatEndsAFinding:
    """`clears`, both ways: a condition ends when it is gone, an event when a person has spoken."""

    def verdict(self, detector: Detector, registry: Registry, history: History) -> Verdict:
        result = evaluate([rule(detector, "series", registry)], history, registry=registry).result("any-rule")
        assert result.failure is None
        found = [Verdict(Standing.FOUND, finding) for finding in result.findings]
        return found[0] if found else CLEAR

    def stale(self, as_of: str, *values: str) -> History:
        series = [{"id": "a", "cadence": "weekly", "latency": "1d"}]
        rows = [{"series": "a", "start": start, "value": 1} for start in values]
        return History.build(as_of=as_of, series=series, observations=rows)

    def eased(self, as_of: str, *revisions: tuple[str, float]) -> History:
        rows = [
            {"series": "a", "start": "2026-03-02", "target": target, "recorded_at": day} for day, target in revisions
        ]
        return History.build(as_of=as_of, series=[{"id": "a", "cadence": "weekly"}], targets=rows)

    def test_a_condition_ends_by_itself_and_comes_back_by_itself(self) -> None:
        detector, text = REGISTRY.get("stale"), rule(REGISTRY.get("stale"), "series")
        assert detector.clears == "condition"
        late = self.stale("2026-03-31", "2026-03-02")
        fired = advance(None, self.verdict(detector, REGISTRY, late), late.as_of, text)
        assert fired.transition is Transition.FIRED
        reported = self.stale("2026-04-01", "2026-03-02", "2026-03-09", "2026-03-16", "2026-03-23")
        ended = advance(fired.state, self.verdict(detector, REGISTRY, reported), reported.as_of, text)
        assert (ended.transition, ended.state.ended_by) == (Transition.RESOLVED, Ending.CONDITION_GONE)
        late_again = self.stale("2026-04-13", "2026-03-23")
        again = advance(ended.state, self.verdict(detector, REGISTRY, late_again), late_again.as_of, text)
        assert again.transition is Transition.REOPENED

    def test_an_event_ends_by_a_person_and_comes_back_on_new_evidence_only(self) -> None:
        detector = TEST_REGISTRY.get("eased")
        text = rule(detector, "series", TEST_REGISTRY)
        assert detector.clears == "event"
        moved = (("2026-03-01", 9.0), ("2026-03-05", 8.0))
        history = self.eased("2026-03-06", *moved)
        fired = advance(None, self.verdict(detector, TEST_REGISTRY, history), history.as_of, text)
        assert fired.transition is Transition.FIRED
        out_of_sight = advance(fired.state, CLEAR, history.as_of + 1, text)
        assert out_of_sight.state.phase is Phase.FIRING
        accepted = settle(out_of_sight.state, Ending.ACCEPTED, history.as_of + 2)
        same = self.eased("2026-03-08", *moved)
        quiet = advance(accepted, self.verdict(detector, TEST_REGISTRY, same), same.as_of, text)
        assert (quiet.transition, quiet.state.phase) == (Transition.NONE, Phase.RESOLVED)
        further = self.eased("2026-03-10", ("2026-03-09", 7.0))
        assert self.verdict(detector, TEST_REGISTRY, further) is CLEAR
        lower = self.eased("2026-03-10", ("2026-03-05", 8.0), ("2026-03-09", 7.0))
        again = advance(quiet.state, self.verdict(detector, TEST_REGISTRY, lower), lower.as_of, text)
        assert again.transition is Transition.REOPENED
