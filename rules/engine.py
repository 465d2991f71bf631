"""Rules and a history in, findings out. Pure: the history says what time it is; earlier cases come in as values.

How the hub uses it, once a run::

    rules = load_pack("data-trust").rules                        # or the database's versions, by loader.read_rule
    history = History(as_of=now, series=..., observations=...)   # or History.build(as_of=..., series=[...], ...)
    evaluation = evaluate(rules, history, snapshot=stored, open_alerts=states.keys())
    for result in evaluation.results:
        store(result.rule.name, result.cases.to_json())          # replaces what was stored for the rule
        for key, verdict in result.verdicts(states.keys()).items():
            step = advance(states.get(key), verdict, now, result.rule, calendar)
            save(step.state)                                     # and act on step.transition: FIRED, RESOLVED, ...

`stored` maps a rule's name to `Cases.from_json(...)` of the last run. An incremental run passes a history of the
changed series only: the other cases keep their place in the false-discovery control, so it decides as a full run would.
A run over everything says `complete=True`; rules about time passing (`stale`) need one. A large organisation passes an
iterable of histories, one for each block of series; series that name each other (guardrail, system of record, peers,
one objective) belong in one block.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from rules.alerts import AlertKey, Candidate, Finding, Withheld
from rules.calendars import UNKNOWN
from rules.columns import Flags
from rules.errors import DetectorError
from rules.history import History
from rules.registry import REGISTRY, Registry
from rules.results import Evaluation, Failure, RuleResult, Statement
from rules.schema import ENGINE_NAME, PLACEHOLDER, Rule, Stage
from rules.significance import LEVEL, discoveries
from rules.snapshot import Cases
from rules.trial import Trial

ENGINE = Rule(
    name=ENGINE_NAME,
    detector="engine",
    description="A rule that could not run, or that found so much that its actions wait for a person.",
    stage=Stage(name="live"),
)
"""The rule under which the engine reports on the rules themselves; its subjects are rules."""


def evaluate(
    rules: Iterable[Rule],
    history: History | Iterable[History],
    *,
    snapshot: Mapping[str, Cases | None] | None = None,
    open_alerts: Collection[AlertKey] = (),
    complete: bool = False,
    registry: Registry = REGISTRY,
    level: float = LEVEL,
) -> Evaluation:
    """Test every rule; a rule that cannot run becomes a finding of the engine and the others go on.

    `open_alerts` are the keys of alerts that exist already: they are no news to the limits. `complete` says that the
    history holds every subject there is: the snapshot is not needed then, and an alert on a subject that is not there
    ends. `level` is the share of false findings that is accepted among the findings of one rule. The engine's own rule
    may be among the rules; it is always answered, last.
    """
    runs = [_Run(rule, registry, level) for rule in _unique(rules)]
    as_of = UNKNOWN
    for block in (history,) if isinstance(history, History) else history:
        as_of = max(as_of, block.as_of)
        for run in runs:
            run.test(block)
    earlier = {} if complete or snapshot is None else snapshot
    for run in runs:
        run.judge(earlier.get(run.rule.name), frozenset(open_alerts))
    results = (replace(run.result, complete=complete) for run in runs)
    return Evaluation((*results, _about_rules(runs, as_of)))


def _unique(rules: Iterable[Rule]) -> list[Rule]:
    listed = [rule for rule in rules if rule.name != ENGINE.name]
    names = [rule.name for rule in listed]
    for name in names:
        if names.count(name) > 1:
            raise DetectorError(f"two rules are named {name!r}: a name is an identity, rename one")
    return listed


class _Run:
    """One rule in one evaluation; once it has failed, it does nothing more."""

    def __init__(self, rule: Rule, registry: Registry, level: float) -> None:
        self.rule = rule
        self.level = level
        self.trial: Trial | None = None
        self.failure: Failure | None = None
        self.flood = 0
        self.result = RuleResult(rule, rule.scope.subject, Statement(0, {}, 0), Cases.empty(rule.name, ""))
        self._guard(lambda: self._begin(registry))

    def _begin(self, registry: Registry) -> None:
        self.trial = Trial(self.rule, registry.get(self.rule.detector), self.level)

    def test(self, block: History) -> None:
        """Test one block of series."""
        trial = self.trial
        if trial:
            self._guard(lambda: trial.run(block))

    def judge(self, earlier: Cases | None, open_alerts: frozenset[AlertKey]) -> None:
        """Decide over all cases, those of earlier runs included."""
        trial = self.trial
        if trial:
            self._guard(lambda: self._judge(trial, earlier, open_alerts))
        if self.failure:
            self.result = replace(self.result, cases=earlier or self.result.cases, failure=self.failure)

    def _judge(self, trial: Trial, earlier: Cases | None, open_alerts: frozenset[AlertKey]) -> None:
        cases = trial.merged(earlier)
        fires = _fires(cases, self.level)
        found = [_finding(trial, cases, row) for row in np.flatnonzero(fires).tolist()]
        new = [finding for finding in found if not finding.withheld and finding.key not in open_alerts]
        if len(new) > self.rule.limits.max_new_findings:
            self.flood = len(new)
            keys = {finding.key for finding in new}
            found = [_withhold(finding, Withheld.LIMIT) if finding.key in keys else finding for finding in found]
        self.result = replace(
            self.result,
            statement=Statement(trial.tested, trial.needs(), sum(finding.subject in trial.asked for finding in found)),
            cases=cases,
            findings=tuple(found),
            asked=frozenset(trial.asked),
            seen=frozenset(trial.seen),
            skipped=trial.skipped,
        )

    def _guard(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - whatever a detector raises, the other rules have to run
            self.failure = Failure(type(error).__name__, _place(error), error)
            self.trial = None


def _place(error: Exception) -> str:
    """Return file and line where an error was raised; its message stays in the log, for it may hold people's data."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def _fires(cases: Cases, level: float) -> Flags:
    """Return which cases are findings: the condition holds and, where chance is tested, it is a discovery."""
    sayable = np.zeros(len(cases), dtype=np.bool_)
    sayable[list(cases.candidates)] = True
    return cases.holds & sayable & (np.isnan(cases.p) | discoveries(cases.p, level))


def _finding(trial: Trial, cases: Cases, row: int) -> Finding:
    rule, candidate = trial.rule, cases.candidates[row]
    return Finding(
        rule=rule.name,
        rule_version=cases.version,
        detector=trial.detector.name,
        detector_version=trial.detector.version,
        clears=trial.detector.clears,
        subject_kind=trial.kind,
        subject=cases.subject[row],
        slot=cases.slot[row],
        score=float(cases.score[row]),
        effect=_known(cases.effect[row]),
        p=_known(cases.p[row]),
        start=int(cases.start[row]),
        end=int(cases.end[row]),
        as_of=int(cases.as_of[row]),
        severity=rule.severity,
        stage=rule.stage.name,
        labels=rule.labels,
        withheld=_withheld(rule, candidate, _known(cases.effect[row])),
        **candidate.model_dump(exclude={"summary"}),
        summary=_rendered(rule.annotations.summary, candidate),
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _rendered(template: str | None, candidate: Candidate) -> str:
    if template is None:
        return candidate.summary
    facts = {"title": candidate.title} | candidate.facts
    return PLACEHOLDER.sub(lambda found: str(facts.get(found[1], "")), template)


def _withheld(rule: Rule, candidate: Candidate, effect: float | None) -> tuple[Withheld, ...]:
    reasons = []
    if rule.materiality is not None and effect is not None and abs(effect) < rule.materiality:
        reasons.append(Withheld.MATERIALITY)
    if rule.stage.name == "shadow":
        reasons.append(Withheld.SHADOW)
    if rule.stage.name == "pilot" and not set(rule.stage.org_units) & set(candidate.org_units):
        reasons.append(Withheld.PILOT)
    return tuple(reasons)


def _withhold(finding: Finding, reason: Withheld) -> Finding:
    return finding.model_copy(update={"withheld": (*finding.withheld, reason)})


def _about_rules(runs: Iterable[_Run], as_of: int) -> RuleResult:
    """Say which rules failed or flooded, and by silence about the others that these are well again."""
    found = [finding for run in runs for finding in _trouble(run, as_of)]
    names = frozenset(run.rule.name for run in runs)
    statement = Statement(tested=len(names), skipped={}, found=len(found))
    return RuleResult(ENGINE, "rule", statement, Cases.empty(ENGINE.name, ""), tuple(found), asked=names, seen=names)


def _trouble(run: _Run, as_of: int) -> Iterator[Finding]:
    if run.failure:
        what = f"The rule could not run: {run.failure.kind} at {run.failure.place}"
        yield _engine_finding(run.rule, "failed", what, 1, as_of)
    if run.flood:
        limit = run.rule.limits.max_new_findings
        what = f"The rule found {run.flood} new cases, more than its limit of {limit}: their actions wait for a person"
        yield _engine_finding(run.rule, "limit", what, run.flood, as_of)


def _engine_finding(rule: Rule, slot: str, summary: str, score: float, as_of: int) -> Finding:
    return Finding(
        rule=ENGINE.name,
        rule_version="",
        detector=ENGINE.detector,
        detector_version=1,
        clears="condition",
        subject_kind="rule",
        subject=rule.name,
        slot=slot,
        title=rule.name,
        score=score,
        effect=None,
        p=None,
        start=as_of,
        end=as_of,
        as_of=as_of,
        known_at=as_of,
        severity=ENGINE.severity,
        stage=ENGINE.stage.name,
        labels={},
        summary=summary,
        facts={},
        evidence=(),
        calendar="",
        org_units=(),
    )
