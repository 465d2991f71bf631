"""What people call columns and totals. A name that is not here is not guessed: it is asked for, or kept as text."""

from __future__ import annotations

import re
from functools import lru_cache

ROLES: dict[str, tuple[str, ...]] = {
    "metric": (
        "metric", "kpi", "kpi name", "metric name", "measure", "indicator", "key result", "kennzahl", "kennzahlen",
        "messgr\u00f6\u00dfe", "indikator", "indicateur", "mesure", "indicador", "m\u00e9trica", "metrica",
        "indicatore", "wska\u017anik", "nyckeltal",
    ),
    "period_start": ("period start", "start", "start date", "from", "von", "beginn", "d\u00e9but", "inicio", "inizio"),
    "period": (
        "period", "month", "date", "day", "week", "quarter", "time", "timestamp", "reporting period", "zeitraum",
        "periode", "monat", "datum", "tag", "woche", "kw", "quartal", "stichtag", "p\u00e9riode", "mois", "semaine",
        "trimestre", "jour", "periodo", "per\u00edodo", "mes", "fecha", "semana", "mese", "data", "maand", "datum",
        "okres", "miesi\u0105c", "m\u00e5nad",
    ),
    "period_end": ("period end", "end", "end date", "to", "until", "bis", "ende", "fin", "fine"),
    "year": ("year", "jahr", "ann\u00e9e", "a\u00f1o", "anno", "ano", "jaar", "rok", "\u00e5r"),
    "value": (
        "value", "actual", "actuals", "actual value", "current value", "wert", "ist", "istwert", "ist-wert", "valeur",
        "r\u00e9alis\u00e9", "r\u00e9el", "valor", "real", "valore", "effettivo", "waarde", "warto\u015b\u0107",
        "v\u00e4rde", "utfall",
    ),
    "target": (
        "target", "plan", "planned", "goal", "target value", "soll", "sollwert", "soll-wert", "ziel", "zielwert",
        "planwert", "objectif", "cible", "objetivo", "meta", "obiettivo", "doel", "cel", "m\u00e5l",
    ),
    "unit": ("unit", "units", "uom", "einheit", "unit\u00e9", "unidad", "unit\u00e0", "eenheid", "jednostka", "enhet"),
    "owner": (
        "owner", "metric owner", "responsible", "verantwortlich", "verantwortliche", "verantwortlicher", "responsable",
        "respons\u00e1vel", "responsabile", "eigenaar", "w\u0142a\u015bciciel", "ansvarig",
    ),
    "numerator": ("numerator", "z\u00e4hler", "num\u00e9rateur", "numerador", "numeratore"),
    "denominator": ("denominator", "nenner", "d\u00e9nominateur", "denominador", "denominatore"),
    "recorded_at": ("recorded at", "erfasst am", "saisi le"),
    "reported_by": ("reported by", "erfasst von", "gemeldet von", "saisi par"),
    "source": ("source", "quelle", "fuente", "fonte", "bron"),
    "note": (
        "note", "notes", "comment", "comments", "remark", "remarks", "kommentar", "kommentare", "bemerkung",
        "bemerkungen", "commentaire", "comentario", "coment\u00e1rio", "commento", "opmerking",
    ),
    "segment": ("segment",),
    "org_unit": ("org unit",),
}  # fmt: skip
TOTALS = frozenset(
    (
        "total", "totals", "sum", "grand total", "subtotal", "sub total", "average", "avg", "mean", "ytd", "summe",
        "gesamt", "gesamtsumme", "zwischensumme", "insgesamt", "durchschnitt", "mittelwert", "\u00f8", "somme",
        "sous-total", "total g\u00e9n\u00e9ral", "moyenne", "suma", "promedio", "totale", "media", "totaal", "razem",
        "summa",
    )
)  # fmt: skip
PART_OF_YEAR = {
    **dict.fromkeys(
        ("month", "monat", "mois", "mes", "mese", "maand", "miesi\u0105c", "m\u00e5nad"), "{year}-{number:02d}"
    ),
    **dict.fromkeys(("quarter", "quartal", "trimestre"), "{year}-Q{number}"),
    **dict.fromkeys(("week", "kw", "woche", "semaine", "semana"), "{year}-W{number:02d}"),
}
"""How a bare number in such a column is a period, beside a column of years."""
_MEANT = {word: role for role, words in ROLES.items() for word in words}
_IN_HEADING = re.compile(
    r"^(?:(?P<before>{0})\b[\s:,/-]*)?(?P<rest>.*?)(?:[\s:,/(-]*\b(?P<after>{0})\)?)?$".format(
        "|".join(re.escape(word) for role in ("value", "target") for word in ROLES[role])
    )
)


def plain(label: str) -> str:
    """Write a column's name as it is compared."""
    return " ".join(label.replace("_", " ").lower().split()).rstrip(" :*")


def role_of(label: str) -> str | None:
    """Say what a column of this name is."""
    return _MEANT.get(plain(label))


def is_exact(label: str, role: str) -> bool:
    """Say whether a column bears the role's own name, which beats every other."""
    return plain(label) == role.replace("_", " ")


@lru_cache(maxsize=4096)
def is_total(label: str) -> bool:
    """Say whether a row or column only sums others up."""
    return plain(label) in TOTALS


def split_heading(label: str) -> tuple[str, str | None]:
    """Take `actual` or `target` off a period's heading: "Plan Q1 2026" -> "Q1 2026", target."""
    found = _IN_HEADING.match(plain(label))
    if found is None or not (found["before"] or found["after"]):
        return label, None
    return found["rest"], _MEANT[found["before"] or found["after"]]
