"""The detectors' exam: every folder of ../shared/detection, beside published baselines and trivial detectors.

    python bench/detection.py [FOLDER ...] [--bootstrap 200] [--only DETECTOR]

Labels are read by the scorer alone; what is printed are its totals. Where ../shared is absent, it says so and stops.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rules.audit.folder import read_folder
from rules.audit.scores import write_scores
from rules.engine import evaluate
from rules.loader import load_pack, packs

SHARED = Path(__file__).resolve().parents[2] / "shared" / "detection"
DETERMINISTIC = ("target_moved", "ownership_gap", "stale")
# (folder, pattern) -> figure, baseline, target; from the folders' README. Deterministic: precision and recall.
WANTED: dict[tuple[str, str], tuple[tuple[str, float, float], ...]] = {
    ("boston_marathon", "bunching"): (("auc", 0.874, 0.92), ("tpr_at_5fpr", 0.63, 0.75)),
    ("sumo", "bunching"): (("auc", 0.903, 0.95), ("tpr_at_5fpr", 0.59, 0.80)),
    ("published_pvalues", "bunching"): (("auc", 0.708, 0.80), ("tpr_at_5fpr", 0.24, 0.24)),
    ("covid_reporting", "too_smooth"): (("auc", 0.964, 0.98),),
    ("covid_smoothed", "too_smooth"): (("auc", 0.992, 0.995), ("tpr_at_5fpr", 0.95, 0.95)),
    ("age_heaping", "heaping"): (("auc", 1.0, 1.0), ("f1", 1.0, 1.0)),
    ("benford_ledgers", "heaping"): (("auc", 1.0, 1.0), ("f1", 1.0, 1.0)),
    ("norway_car_sales", "period_end_shift"): (("auc", 1.0, 1.0), ("f1", 1.0, 1.0)),
    ("nab", "anomaly"): (("auc", 0.708, 0.708), ("f1", 0.28, 0.50)),
    ("injected_nhs", "denominator_shift"): (("auc", 0.858, 0.95), ("tpr_at_5fpr", 0.61, 0.61)),
    ("injected_nhs", "guardrail_divergence"): (("auc", 0.846, 0.98), ("tpr_at_5fpr", 0.72, 0.72)),
    ("injected_nhs", "period_end_shift"): (("auc", 0.877, 0.98), ("tpr_at_5fpr", 0.50, 0.95)),
    ("injected_nhs", "copied_values"): (("auc", 0.823, 0.98), ("tpr_at_5fpr", 0.67, 0.67)),
} | {
    ("injected_nhs", name): (("auc", 1.0, 1.0), ("precision", 0.99, 0.99), ("recall", 0.99, 0.99))
    for name in DETERMINISTIC
}
Rows = list[dict[str, str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", help="names of folders; without any, all of them")
    parser.add_argument("--bootstrap", type=int, default=200)
    parser.add_argument("--only", help="rules of this detector only")
    parser.add_argument("--trivial", action=argparse.BooleanOptionalAction, default=True)
    args = parser.parse_args()
    if not (SHARED / "score.py").exists():
        print(f"SKIPPED: no exam without {SHARED}")
        return
    rules = [rule for name in packs() for rule in load_pack(name).rules if args.only in (None, rule.detector)]
    head = (
        f"{'folder':18}{'pattern':21}{'AUC':>6}{'95 % interval':>15}{'AP':>6}{'TPR5':>6}{'prec':>6}{'rec':>6}{'F1':>6}"
    )
    print(f"{head}{'hit':>5}{'false':>6}{'p<.05':>7}  against baseline / target")
    years, false = 0.0, 0
    for folder in sorted(
        path for path in (SHARED / "folders").iterdir() if not args.folders or path.name in args.folders
    ):
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as place:
            scores = Path(place) / "scores.csv"
            evaluation = evaluate(rules, read_folder(folder), complete=True)
            write_scores(evaluation, scores)
            seconds = time.perf_counter() - started
            result = score(folder, scores, args.bootstrap)
            for failed in (one for one in evaluation.results if one.failure):
                print(f"{folder.name:18}{failed.rule.name} could not run: {failed.failure}")
            for pattern, part in result["patterns"].items():
                print(line(folder.name, pattern, part))
                if args.trivial and part.get("unscored", 0) < part.get("positives", 0) + part.get("negatives", 0):
                    print(trivial(folder, scores, pattern, Path(place)))
        total = result["total"]
        print(
            f"{folder.name:18}{'all rules':21}{total['false']} false in {result['metric_years']:.0f} metric-years "
            f"({total['false_per_metric_year']:.3f}), attribution {total.get('attribution', 1):.2f}, {seconds:.1f} s"
        )
        for tag, (share, count) in result["struck_share_by_tag"].items():
            if tag.startswith("confuser") and share:
                print(f"{'':18}{tag}: struck {share:.3f} of {count}")
        years, false = years + result["metric_years"], false + total["false"]
    print(f"all folders: {false} false findings in {years:.0f} metric-years ({false / max(years, 1):.3f})")


def score(folder: Path, scores: Path, bootstrap: int) -> dict[str, Any]:
    command = [sys.executable, SHARED / "score.py", folder, scores, "--json", "--bootstrap", str(bootstrap)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(found.stdout)
    return result


def line(folder: str, pattern: str, part: dict[str, Any]) -> str:
    cells = [figure(part.get(name)) for name in ("auc", "ap", "tpr_at_5fpr", "precision", "recall", "f1")]
    low, high = part.get("auc_95", (None, None))
    interval = f"{low:.3f}-{high:.3f}" if low is not None else ""
    judged = ", ".join(verdict(part, *wanted) for wanted in WANTED.get((folder, pattern), ()))
    judged = judged or ("not covered" if part.get("positives") else "")
    found = f"{part['hit']:5d}{part['false']:6d}{figure(part.get('p_below_05')):>7}"
    return (
        f"{folder:18}{pattern:21}{cells[0]:>6}{interval:>15}"
        + "".join(f"{c:>6}" for c in cells[1:])
        + f"{found}  {judged}"
    )


def verdict(part: dict[str, Any], name: str, baseline: float, target: float) -> str:
    value = part.get(name, 0.0)
    said = "target met" if value >= target else "baseline held" if value >= baseline else "BELOW BASELINE"
    return f"{name} {value:.3f} ({baseline:g} / {target:g}): {said}"


def figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def trivial(folder: Path, scores: Path, pattern: str, place: Path) -> str:
    """Say what never, always and chance reach on the units that we tested."""
    with scores.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["pattern"] == pattern]
    chance = random.Random(0)
    always = ranked(folder, rows, place, pattern, lambda: ("1", "true"))
    seeds = [ranked(folder, rows, place, pattern, lambda: (str(chance.random()), "false")) for _ in range(3)]
    mean = sum(part.get("auc", 0.5) for part in seeds) / len(seeds)
    always_said = f"always: F1 {always.get('f1', 0):.3f}, AUC {always.get('auc', 0.5):.3f}"
    return f"{'':39}never: F1 0, AUC 0.500; {always_said}; random: AUC {mean:.3f}"


def ranked(folder: Path, rows: Rows, place: Path, pattern: str, say: Callable[[], tuple[str, str]]) -> dict[str, Any]:
    path = place / "trivial.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(answered(rows, say))
    found: dict[str, Any] = score(folder, path, 0)["patterns"].get(pattern, {})
    return found


def answered(rows: Rows, say: Callable[[], tuple[str, str]]) -> Iterator[dict[str, str]]:
    for row in rows:
        value, fired = say()
        yield row | {"score": value, "fired": fired}


if __name__ == "__main__":
    main()
