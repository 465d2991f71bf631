"""Every rule over a history."""

from __future__ import annotations

import inspect
import math
from typing import Any, ClassVar

import numpy as np
import pytest

from rules import findings
from rules.alerts import AlertKey, Standing, Withheld
from rules.engine import ENGINE, evaluate
from rules.errors import DetectorError
from rules.findings import Explanation, Findings, Skipped
from rules.history import History
from rules.loader import read_rule
from rules.registry import Detector, Params, Registry
from rules.results import Evaluation, RuleResult
from rules.schema import Rule
from rules.snapshot import Cases
from rules.trial import rule_version
from tests.rules.detectors_for_tests import REGISTRY, rare

AS_OF = "2026-03-31"


def rule(name: str = "rare-one", **changes: Any) -> Rule:  # noqa: ANN401 - the words of a rule
    given: dict[str, Any] = {"name": name, "detector": "rare", "description": "x", "stage": "live"}
    return read_rule(given | changes, REGISTRY)


def history(values: dict[str, float | None], effects: dict[str, float] | None = None, **tables: Any) -> History:  # noqa: ANN401 - further tables
    listed = [
        {"series": name, "start": "2026-03-02", "value": value, "numerator": (effects or {}).get(name)}
        for name, value in values.items()
        if value is not None
    ]
    series = [{"id": name, "title": name.upper(), "cadence": "weekly", "org_unit": "de"} for name in values]
    units = [{"id": "de", "parent": "emea"}, {"id": "emea"}]
    given: dict[str, Any] = {"series": series, "observations": listed, "org_units": units}
    return History.build(as_of=AS_OF, **(given | tables))


def run(rules: list[Rule], given: Any, **options: Any) -> Evaluation:  # noqa: ANN401 - what evaluate takes
    return evaluate(rules, given, registry=REGISTRY, **options)


def found(evaluation: Evaluation, name: str = "rare-one") -> list[str]:
    return [finding.subject for finding in evaluation.result(name).findings]


class TestDeciding:
    def test_chance_is_judged_over_all_cases_of_a_rule(self) -> None:
        values: dict[str, float | None] = {"a": 0.001, "b": 0.06, "c": 0.5, "d": 0.9}
        assert found(run([rule()], history(values))) == ["a"]
        assert found(run([rule()], history({"b": 0.06}))) == ["b"]
        assert found(run([rule()], history(values), level=0.2)) == ["a", "b"]

    def test_each_rule_is_a_family_of_its_own(self) -> None:
        only_b = rule("only-b", scope={"when": 'subject.id == "b"'})
        evaluation = run([rule(), only_b], history({"a": 0.9, "b": 0.06, "c": 0.8}))
        assert found(evaluation) == []
        assert found(evaluation, "only-b") == ["b"]

    def test_an_effect_too_small_to_matter_is_tested_but_not_found(self) -> None:
        evaluation = run([rule(params={"least": 5})], history({"a": 0.001, "b": 0.001}, {"a": 4.9, "b": 5}))
        assert found(evaluation) == ["b"]
        assert evaluation.result("rare-one").statement.tested == 2

    def test_a_case_without_a_test_of_chance_is_found_where_its_condition_holds(self) -> None:
        targets = [
            {"series": "a", "start": "2026-03-02", "target": target, "recorded_at": f"2026-03-0{day}"}
            for target, day in ((9, 1), (8, 5))
        ]
        evaluation = run([rule("eased-one", detector="eased")], history({"a": None}, targets=targets))
        (finding,) = evaluation.result("eased-one").findings
        assert (finding.p, finding.slot, finding.clears, finding.effect) == (None, "2026-03-02", "event", 1.0)
        assert finding.known_at == history({"a": None}, targets=targets).targets.recorded_at[-1]

    def test_a_finding_says_everything(self) -> None:
        given = history({"a": 0.001}, {"a": 3.0})
        one = rule(labels={"theme": "t"}, severity="critical", annotations={"summary": "{{title}}: {{ p }}"})
        (finding,) = run([one], given).result("rare-one").findings
        assert finding.key == AlertKey("rare-one", "series", "a", "")
        assert finding.model_dump(mode="json") == {
            "rule": "rare-one",
            "rule_version": rule_version(one, REGISTRY.get("rare")),
            "detector": "rare",
            "detector_version": 1,
            "clears": "condition",
            "subject_kind": "series",
            "subject": "a",
            "slot": "",
            "title": "A",
            "score": 0.999,
            "effect": 3.0,
            "p": 0.001,
            "start": int(given.observations.start[0]),
            "end": int(given.observations.end[0]),
            "as_of": given.as_of,
            "known_at": given.as_of,
            "severity": "critical",
            "stage": "live",
            "labels": {"theme": "t"},
            "summary": "A: 0.001",
            "facts": {"p": 0.001},
            "evidence": [given.describe(given.observations, 0)],
            "calendar": "",
            "org_units": ["de", "emea"],
            "withheld": [],
        }

    def test_without_a_summary_of_its_own_a_rule_uses_the_detectors(self) -> None:
        (finding,) = run([rule()], history({"a": 0.001})).result("rare-one").findings
        assert finding.summary == "p is 0.001"
        assert finding.effect is None

    def test_the_statement_counts_tested_skipped_and_found(self) -> None:
        result = run([rule()], history({"a": 0.001, "b": 0.9, "c": None, "d": None})).result("rare-one")
        assert str(result.statement) == "2 tested, 1 found; 2 skipped: needs a value"
        assert result.skipped == {("c", None): "a value", ("d", None): "a value"}
        assert result.asked == {"a", "b", "c", "d"}

    def test_the_scope_decides_who_is_asked(self) -> None:
        result = run([rule(scope={"when": 'subject.title == "B"'})], history({"a": 0.001, "b": 0.001})).result(
            "rare-one"
        )
        assert [finding.subject for finding in result.findings] == ["b"]
        assert result.asked == {"b"}
        assert result.seen == {"a", "b"}

    def test_two_rules_of_one_name_are_refused(self) -> None:
        with pytest.raises(DetectorError, match="two rules are named 'rare-one'"):
            run([rule(), rule()], history({}))

    def test_an_empty_history_is_no_problem(self) -> None:
        evaluation = run([rule()], History(as_of=0))
        assert str(evaluation.result("rare-one").statement) == "0 tested, 0 found"
        assert evaluation.findings == ()


class TestWithholding:
    @pytest.mark.parametrize(
        ("stage", "withheld"),
        [
            ("live", ()),
            ("shadow", (Withheld.SHADOW,)),
            ({"pilot": {"org_units": ["emea", "us"]}}, ()),
            ({"pilot": {"org_units": ["us"]}}, (Withheld.PILOT,)),
        ],
    )
    def test_a_stage_lets_findings_out_or_keeps_them(self, stage: Any, withheld: tuple[Withheld, ...]) -> None:  # noqa: ANN401 - either spelling
        (finding,) = run([rule(stage=stage)], history({"a": 0.001})).result("rare-one").findings
        assert finding.withheld == withheld

    @pytest.mark.parametrize(("effect", "withheld"), [(-2.9, True), (3.0, False), (-3.0, False), (None, False)])
    def test_a_finding_below_materiality_is_kept_back(self, effect: float | None, *, withheld: bool) -> None:
        effects = {} if effect is None else {"a": effect}
        (finding,) = run([rule(materiality=3, params={"least": -99})], history({"a": 0.001}, effects)).findings
        assert (finding.withheld == (Withheld.MATERIALITY,)) is withheld

    def test_a_flood_of_new_findings_is_stored_and_kept_back(self) -> None:
        values: dict[str, float | None] = dict.fromkeys("abcd", 0.001)
        one = rule(limits={"max_new_findings": 2})
        evaluation = run([one], history(values))
        assert {finding.withheld for finding in evaluation.result("rare-one").findings} == {(Withheld.LIMIT,)}
        (about,) = evaluation.results[-1].findings
        assert (about.key, about.score) == (AlertKey(ENGINE.name, "rule", "rare-one", "limit"), 4)
        assert about.summary == "The rule found 4 new cases, more than its limit of 2: their actions wait for a person"

    def test_known_alerts_are_no_news_to_the_limit(self) -> None:
        values: dict[str, float | None] = dict.fromkeys("abcd", 0.001)
        known = [AlertKey("rare-one", "series", name) for name in "ab"]
        evaluation = run([rule(limits={"max_new_findings": 2})], history(values), open_alerts=known)
        assert {finding.withheld for finding in evaluation.findings} == {()}
        flooded = run([rule(limits={"max_new_findings": 1})], history(values), open_alerts=known).result("rare-one")
        assert [finding.withheld for finding in flooded.findings] == [(), (), (Withheld.LIMIT,), (Withheld.LIMIT,)]

    def test_findings_that_are_kept_back_anyway_do_not_flood(self) -> None:
        values: dict[str, float | None] = dict.fromkeys("abcd", 0.001)
        evaluation = run([rule(limits={"max_new_findings": 0}, stage="shadow")], history(values))
        assert {finding.withheld for finding in evaluation.findings} == {(Withheld.SHADOW,)}


class TestFailing:
    def test_a_rule_that_raises_becomes_a_finding_and_the_others_go_on(self) -> None:
        evaluation = run([rule("bad", params={"fail": True}), rule()], history({"a": 0.001}))
        assert found(evaluation) == ["a"]
        failure = evaluation.result("bad").failure
        assert failure is not None
        assert (failure.kind, isinstance(failure.error, ZeroDivisionError)) == ("ZeroDivisionError", True)
        (about,) = evaluation.results[-1].findings
        assert about.key == AlertKey(ENGINE.name, "rule", "bad", "failed")
        assert about.summary == f"The rule could not run: ZeroDivisionError at {failure.place}"
        source, first = inspect.getsourcelines(rare)
        line = first + next(number for number, text in enumerate(source) if "raise ZeroDivisionError" in text)
        assert failure.place == f"detectors_for_tests.py:{line}"
        assert "secret" not in about.model_dump_json()

    def test_an_unknown_detector_and_a_wrong_parameter_fail_alone(self) -> None:
        unknown = Rule.model_validate({"name": "unknown", "detector": "nobody", "description": "x"})
        wrong = Rule.model_validate({"name": "wrong", "detector": "rare", "description": "x", "params": {"leest": 1}})
        evaluation = run([unknown, wrong, rule()], history({"a": 0.001}))
        kinds = [result.failure.kind if result.failure else "" for result in evaluation.results]
        assert kinds == ["DetectorError", "ValidationError", "", ""]
        assert found(evaluation) == ["a"]

    def test_a_condition_that_cannot_be_evaluated_fails_alone(self) -> None:
        evaluation = run([rule("bad", scope={"when": 'subject.labels["x"] == ""'}), rule()], history({"a": 0.001}))
        failure = evaluation.result("bad").failure
        assert failure is not None
        assert failure.kind == "ConditionError"
        assert found(evaluation) == ["a"]

    def test_a_failed_rule_keeps_its_cases_and_says_nothing_about_its_alerts(self) -> None:
        earlier = run([rule()], history({"a": 0.001})).result("rare-one").cases
        bad = Rule.model_validate({"name": "rare-one", "detector": "nobody", "description": "x"})
        result = run([bad], history({"a": 0.001}), snapshot={"rare-one": earlier}).result("rare-one")
        assert result.cases is earlier
        verdicts = result.verdicts([AlertKey("rare-one", "series", "a")])
        assert {verdict.standing for verdict in verdicts.values()} == {Standing.UNKNOWN}
        assert {verdict.needs for verdict in verdicts.values()} == {"a rule that runs"}

    def test_a_failure_is_over_when_the_rule_runs_again(self) -> None:
        evaluation = run([rule()], history({}))
        keys = [AlertKey(ENGINE.name, "rule", name, "failed") for name in ("rare-one", "another")]
        verdicts = evaluation.results[-1].verdicts(keys)
        assert {key.subject: verdict.standing for key, verdict in verdicts.items()} == {"rare-one": Standing.CLEAR}

    def test_the_engines_own_rule_may_be_among_the_rules(self) -> None:
        evaluation = run([ENGINE, rule()], history({}))
        assert [result.rule.name for result in evaluation.results] == ["rare-one", ENGINE.name]


def with_detector(answer: Findings | object) -> RuleResult:
    registry = Registry()

    @registry.detector("odd", version=1, params=Params, clears="condition")
    def odd(given: History, params: Params) -> Any:  # noqa: ANN401 - that is the point
        return answer

    one = Rule.model_validate({"name": "odd-one", "detector": "odd", "description": "x"})
    scoped = one.model_copy(update={"scope": one.scope.model_copy(update={"when": 'subject.id == "a"'})})
    return evaluate([scoped], history({"a": 1.0, "b": 1.0}), registry=registry).result("odd-one")


def column(*values: float) -> np.ndarray[Any, Any]:
    return np.array(values)


def made(rows: list[int], **changes: Any) -> findings.Tested:  # noqa: ANN401 - columns
    size = len(rows)
    given: dict[str, Any] = {
        "rows": np.array(rows, dtype=np.int64),
        "score": np.zeros(size),
        "effect": np.zeros(size),
        "holds": np.ones(size, dtype=np.bool_),
        "start": np.zeros(size, dtype=np.int64),
        "end": np.zeros(size, dtype=np.int64),
        "explain": lambda case: Explanation("x", {}, ()),
    }
    return findings.Tested(**(given | changes))


class TestDetectorsThatAnswerOddly:
    def test_something_else_than_findings(self) -> None:
        failure = with_detector([]).failure
        assert failure is not None
        assert str(failure.error) == "odd returned list: return Findings"

    @pytest.mark.parametrize("answer", [Findings((made([1]),)), Findings((), (Skipped(np.array([1]), "x"),))])
    def test_a_subject_outside_of_the_scope(self, answer: Findings) -> None:
        failure = with_detector(answer).failure
        assert failure is not None
        assert "speaks of subjects that were not asked for" in str(failure.error)

    def test_one_case_twice(self) -> None:
        failure = with_detector(Findings((made([0]), made([0])))).failure
        assert failure is not None
        assert "'a' was tested twice for slot ''" in str(failure.error)

    def test_two_slots_of_one_subject_are_two_cases(self) -> None:
        result = with_detector(Findings((made([0]), made([0], slot="x"))))
        assert [finding.slot for finding in result.findings] == ["", "x"]

    def test_columns_of_different_lengths(self) -> None:
        with pytest.raises(DetectorError, match="effect has 2 entries for 1 tested cases"):
            made([0], effect=column(1, 2))

    @pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
    def test_a_p_value_that_is_none(self, p: float) -> None:
        with pytest.raises(DetectorError, match="outside 0 to 1"):
            made([0], p=column(p))

    def test_p_values_at_the_edges_are_p_values(self) -> None:
        assert made([0, 1], p=column(0, 1)).p is not None

    def test_facts_that_are_no_json(self) -> None:
        failure = with_detector(Findings((made([0], explain=lambda case: Explanation("x", {"a": {1}}, ())),))).failure
        assert failure is not None
        assert failure.kind == "ValidationError"


class TestRunsInPieces:
    VALUES: ClassVar[dict[str, float | None]] = {"a": 0.001, "b": 0.04, "c": 0.5, "d": 0.9, "e": None}

    def test_blocks_decide_as_one_history_does(self) -> None:
        whole = run([rule()], history(self.VALUES))
        blocks = (history({name: value}) for name, value in self.VALUES.items())
        pieces = run([rule()], blocks)
        assert pieces.findings == whole.findings
        assert [result.statement for result in pieces.results] == [result.statement for result in whole.results]
        assert [result.cases.to_json() for result in pieces.results] == [r.cases.to_json() for r in whole.results]

    def test_a_subject_in_two_blocks_fails_the_rule(self) -> None:
        failure = run([rule()], [history({"a": 0.5}), history({"a": 0.5})]).result("rare-one").failure
        assert failure is not None
        assert "each subject one block" in str(failure.error)

    def test_an_incremental_run_decides_as_a_full_one(self) -> None:
        before = run([rule()], history(self.VALUES | {"b": 0.9})).result("rare-one")
        stored = Cases.from_json(before.cases.to_json())
        full = run([rule()], history(self.VALUES)).result("rare-one")
        part = run([rule()], history({"b": 0.04}), snapshot={"rare-one": stored}).result("rare-one")
        assert part.findings == full.findings
        assert part.cases.to_json() == full.cases.to_json()
        assert part.statement.tested == 1

    def test_a_case_tested_earlier_is_judged_again_by_chance(self) -> None:
        alone = run([rule()], history({"b": 0.06})).result("rare-one")
        assert [finding.subject for finding in alone.findings] == ["b"]
        key = AlertKey("rare-one", "series", "b")
        part = run([rule()], history({"x": 0.9}), snapshot={"rare-one": alone.cases}).result("rare-one")
        assert part.verdicts([key])[key].standing is Standing.CLEAR
        again = run([rule()], history({"x": 0.06}), snapshot={"rare-one": part.cases}).result("rare-one")
        assert set(again.verdicts([])) == {key, AlertKey("rare-one", "series", "x")}
        assert again.statement.found == 1

    def test_cases_of_another_meaning_count_no_more(self) -> None:
        earlier = run([rule()], history({"b": 0.06})).result("rare-one").cases
        changed = rule(params={"least": 1})
        result = run([changed], history({"a": 0.9}), snapshot={"rare-one": earlier}).result("rare-one")
        assert result.cases.subject.tolist() == ["a"]

    def test_a_complete_run_forgets_what_is_not_there_any_more(self) -> None:
        earlier = run([rule()], history({"gone": 0.06})).result("rare-one").cases
        key = AlertKey("rare-one", "series", "gone")
        part = run([rule()], history({"a": 0.9}), snapshot={"rare-one": earlier}).result("rare-one")
        full = run([rule()], history({"a": 0.9}), snapshot={"rare-one": earlier}, complete=True).result("rare-one")
        assert part.cases.subject.tolist() == ["a", "gone"]
        assert full.cases.subject.tolist() == ["a"]
        assert full.verdicts([key])[key].standing is Standing.GONE

    def test_a_subject_measured_in_several_blocks_is_said_to_be_untested(self) -> None:
        tables: dict[str, Any] = {
            "objectives": [{"id": "o"}],
            "links": [{"source": "o", "target": name, "kind": "measures"} for name in ("a", "b")],
        }
        blocks = [history({name: 0.5}, **tables) for name in ("a", "b")]
        text = {"name": "stale-o", "detector": "stale", "description": "x", "scope": {"subject": "objective"}}
        result = evaluate([read_rule(text)], blocks).result("stale-o")
        assert result.statement.skipped == {"all series that measure it in one block": 1}
        assert result.verdicts([AlertKey("stale-o", "objective", "o")]) == {}


class TestVerdicts:
    def verdicts(self, given: History, *keys: AlertKey, **changes: Any) -> dict[AlertKey, str]:  # noqa: ANN401 - the words of a rule
        result = run([rule(**changes)], given).result("rare-one")
        return {
            key: f"{verdict.standing}{verdict.needs and ': '}{verdict.needs}"
            for key, verdict in result.verdicts(keys).items()
        }

    def key(self, subject: str, slot: str = "", kind: str = "series", name: str = "rare-one") -> AlertKey:
        return AlertKey(name, kind, subject, slot)

    def test_each_open_alert_is_spoken_of_as_far_as_the_run_knows(self) -> None:
        given = history({"found": 0.001, "clear": 0.9, "empty": None, "out": 0.001})
        keys = [self.key(name) for name in ("clear", "empty", "out", "elsewhere")]
        assert self.verdicts(given, *keys, scope={"when": 'subject.id != "out"'}) == {
            self.key("found"): "found",
            self.key("clear"): "clear",
            self.key("empty"): "unknown: a value",
            self.key("out"): "gone",
        }

    def test_a_slot_that_is_no_longer_tested_is_clear(self) -> None:
        assert self.verdicts(history({"a": 0.9}), self.key("a", "2026-01")) == {self.key("a", "2026-01"): "clear"}

    def test_an_alert_on_another_kind_of_subject_is_gone(self) -> None:
        key = self.key("a", kind="objective")
        assert self.verdicts(history({"a": 0.9}), key) == {key: "gone"}

    def test_without_chance_only_what_was_tested_now_is_spoken_of(self) -> None:
        def moved(*names: str) -> History:
            days = ((9, "2026-03-01"), (8, "2026-03-05"))
            rows = [
                {"series": name, "start": "2026-03-02", "target": target, "recorded_at": day}
                for name in names
                for target, day in days
            ]
            return history(dict.fromkeys(names), targets=rows)

        eased = rule("eased-one", detector="eased")
        first = run([eased], moved("a", "b")).result("eased-one")
        keys = [self.key(name, "2026-03-02", name="eased-one") for name in "ab"]
        assert {key: verdict.standing for key, verdict in first.verdicts([]).items()} == dict.fromkeys(
            keys, Standing.FOUND
        )
        part = run([eased], moved("b"), snapshot={"eased-one": first.cases}).result("eased-one")
        assert [finding.subject for finding in part.findings] == ["a", "b"]
        assert list(part.verdicts(keys)) == keys[1:]

    def test_alerts_of_other_rules_are_left_alone(self) -> None:
        assert self.verdicts(history({"a": 0.9}), self.key("a", name="another")) == {}


class TestVersion:
    def version(self, **changes: Any) -> str:  # noqa: ANN401 - the words of a rule
        return rule_version(rule(**changes), REGISTRY.get("rare"))

    def test_words_do_not_change_what_a_rule_means(self) -> None:
        assert self.version() == self.version(name="other", description="y", severity="info", stage="shadow")
        assert self.version() == self.version(params={"least": 0})

    @pytest.mark.parametrize("change", [{"params": {"least": 1}}, {"scope": {"when": "true"}}])
    def test_parameters_and_scope_do(self, change: dict[str, Any]) -> None:
        assert self.version() != self.version(**change)

    def test_the_detectors_version_does(self) -> None:
        found = REGISTRY.get("rare")
        newer = Detector(
            found.name, 2, found.params, found.clears, found.subjects, found.facts, found.effect, found.detect
        )
        assert rule_version(rule(), newer) != self.version()
