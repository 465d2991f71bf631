"""The part of JQL that a stand-in needs: boolean expressions over a few fields, and ORDER BY."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from connectors.jira.sandbox.model import Refused

Predicate = Callable[["Facts"], bool]
Facts = dict[str, tuple[str | int, ...]]
"""Lower-case field name -> values of one issue; instants as epoch milliseconds; empty = the field is empty."""

INSTANTS = {"created", "updated"}
TEXTS = {"text", "summary", "description", "comment"}
ALIASES = {"issuekey": "key", "issue": "key", "type": "issuetype"}
FIELDS = {"project", "key", "id", "labels", "status", "statuscategory", "issuetype", "resolution", "assignee"}

TOKEN = re.compile(
    r"""\s*(?: (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<op>!=|>=|<=|!~|=|~|>|<|\(|\)|,)
      | (?P<word>[^\s"'()=!<>~,]+) )""",
    re.VERBOSE,
)
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
RELATIVE = re.compile(r"([+-])(\d+)([mhdw])")
UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Token(NamedTuple):
    """A word, an operator or a quoted string (unescaped)."""

    kind: str
    text: str


class Order(NamedTuple):
    """One term of ORDER BY."""

    field: str
    descending: bool


class Query(NamedTuple):
    """A parsed query."""

    matches: Predicate
    order: tuple[Order, ...]


def invalid(message: str) -> Refused:
    return Refused(400, f"Error in the JQL Query: {message}")


def _unescape(match: re.Match[str]) -> str:
    code = match.group(1)
    if code.startswith("u") and len(code) > 1:
        return chr(int(code[1:], 16))
    if code in "\\\"' ntr":
        return ESCAPED.get(code, code)
    raise invalid(f"'\\{code}' is an illegal JQL escape sequence.")


def tokens(text: str) -> list[Token]:
    """Cut a query into tokens; quoted strings come out unescaped."""
    found, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise invalid(f"The character at position {at} is not expected here.")
        raw = match.group(match.lastgroup)
        if CONTROL.search(raw):
            raise invalid("A control character must be escaped.")
        found.append(Token(match.lastgroup, ESCAPE.sub(_unescape, raw[1:-1]) if match.lastgroup == "quoted" else raw))
        at = match.end()
    return found


def words(text: str) -> list[str]:
    """Cut a text as the index does: runs of letters and digits, in lower case."""
    return re.findall(r"[^\W_]+", text.lower())


def instant(token: Token, now: datetime, time_zone: str) -> int:
    """Read epoch milliseconds (bare), a relative time, or minutes on the wall clock of the account."""
    if token.kind == "word" and token.text.isdigit():
        return int(token.text)
    if relative := RELATIVE.fullmatch(token.text):
        sign, count, unit = relative.groups()
        moment = now + (1 if sign == "+" else -1) * int(count) * UNITS[unit]
    else:
        moment = _wall_clock(token.text, time_zone)
    return int(moment.timestamp() * 1000)


def _wall_clock(text: str, time_zone: str) -> datetime:
    for form in ("%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M", "%Y/%m/%d", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=ZoneInfo(time_zone)).astimezone(UTC)
        except ValueError:
            continue
    raise invalid(f"Date value '{text}' for field 'updated' is invalid.")


class Parser:
    """Recursive descent over the tokens; AND binds tighter than OR."""

    def __init__(self, text: str, *, now: datetime, time_zone: str, projects: Sequence[str]) -> None:
        self._tokens = tokens(text)
        self._at = 0
        self._now = now
        self._time_zone = time_zone
        self._projects = {key.lower() for key in projects}

    def query(self) -> Query:
        if not self._tokens or self._word_is("order"):
            raise Refused(400, "Unbounded JQL queries are not allowed here. Please add a search restriction.")
        matches = self._either()
        order = self._order() if self._take_word("order") else ()
        if self._at < len(self._tokens):
            raise invalid(f"Expecting either 'OR' or 'AND' but got '{self._tokens[self._at].text}'.")
        return Query(matches, order)

    def _either(self) -> Predicate:
        parts = [self._both()]
        while self._take_word("or"):
            parts.append(self._both())
        return lambda facts: any(part(facts) for part in parts)

    def _both(self) -> Predicate:
        parts = [self._term()]
        while self._take_word("and"):
            parts.append(self._term())
        return lambda facts: all(part(facts) for part in parts)

    def _term(self) -> Predicate:
        if self._take_word("not"):
            inner = self._term()
            return lambda facts: not inner(facts)
        if self._take_op("("):
            inside = self._either()
            self._need_op(")")
            return inside
        return self._clause()

    def _clause(self) -> Predicate:
        field = self._next().text.lower()
        field = ALIASES.get(field, field)
        if field not in FIELDS | INSTANTS | TEXTS:
            raise invalid(f"Field '{field}' does not exist or you do not have permission to view it.")
        negated = self._take_word("not")
        if self._take_word("in"):
            return self._among(field, self._list(), negated=negated)
        if self._take_word("is"):
            negated = self._take_word("not")
            self._next()
            return lambda facts: bool(facts.get(field)) is negated
        return self._compared(field, self._next().text)

    def _compared(self, field: str, op: str) -> Predicate:
        value = self._next()
        if op in {"~", "!~"} and field in TEXTS | {"summary"}:
            return self._containing(field, value.text, negated=op == "!~")
        if op in {"=", "!="} and field not in INSTANTS | TEXTS:
            return self._among(field, [value], negated=op == "!=")
        if op in {">=", "<=", ">", "<"} and field in INSTANTS:
            return self._ordered(field, op, instant(value, self._now, self._time_zone))
        raise invalid(f"The operator '{op}' is not supported by the '{field}' field.")

    def _among(self, field: str, values: Sequence[Token], *, negated: bool) -> Predicate:
        wanted = {value.text.lower() for value in values}
        if field == "project" and not wanted <= self._projects:
            raise Refused(400, f"The value '{min(wanted - self._projects)}' does not exist for the field 'project'.")
        if negated:  # as in Jira, an empty field matches neither = nor !=
            return lambda facts: bool(facts[field]) and not wanted & {str(v).lower() for v in facts[field]}
        return lambda facts: bool(wanted & {str(v).lower() for v in facts[field]})

    def _containing(self, field: str, text: str, *, negated: bool) -> Predicate:
        phrase = text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else None
        wanted = words(text if phrase is None else phrase)

        def found(facts: Facts) -> bool:
            spoken = [words(str(value)) for value in facts[field]]
            if phrase is None:
                return all(any(word in line for line in spoken) for word in wanted)
            return any(line[i : i + len(wanted)] == wanted for line in spoken for i in range(len(line)))

        return lambda facts: found(facts) is not negated

    def _ordered(self, field: str, op: str, bound: int) -> Predicate:
        compare: dict[str, Callable[[int], bool]] = {
            ">=": lambda value: value >= bound,
            "<=": lambda value: value <= bound,
            ">": lambda value: value > bound,
            "<": lambda value: value < bound,
        }
        return lambda facts: any(compare[op](int(value)) for value in facts[field])

    def _order(self) -> tuple[Order, ...]:
        if not self._take_word("by"):
            raise invalid("Expecting 'BY' after 'ORDER'.")
        terms = [self._order_term()]
        while self._take_op(","):
            terms.append(self._order_term())
        return tuple(terms)

    def _order_term(self) -> Order:
        field = self._next().text.lower()
        descending = self._take_word("desc")
        if not descending:
            self._take_word("asc")
        return Order(ALIASES.get(field, field), descending)

    def _list(self) -> list[Token]:
        self._need_op("(")
        values = [self._next()]
        while self._take_op(","):
            values.append(self._next())
        self._need_op(")")
        return values

    def _next(self) -> Token:
        if self._at >= len(self._tokens):
            raise invalid("The query ends unexpectedly.")
        self._at += 1
        return self._tokens[self._at - 1]

    def _word_is(self, word: str) -> bool:
        ahead = self._tokens[self._at : self._at + 1]
        return any(token.kind == "word" and token.text.lower() == word for token in ahead)

    def _take_word(self, word: str) -> bool:
        taken = self._word_is(word)
        self._at += taken
        return taken

    def _take_op(self, op: str) -> bool:
        taken = self._at < len(self._tokens) and self._tokens[self._at] == Token("op", op)
        self._at += taken
        return taken

    def _need_op(self, op: str) -> None:
        if not self._take_op(op):
            raise invalid(f"Expecting '{op}'.")


def parse(text: str, *, now: datetime, time_zone: str, projects: Sequence[str]) -> Query:
    """Parse a query; raises Refused as Jira answers a bad one."""
    return Parser(text, now=now, time_zone=time_zone, projects=projects).query()
