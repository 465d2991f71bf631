"""Verbs of findings: install rules, evaluate them, bring alerts forward, verify."""

from hub.findings.service.alerts import Privacy, find_homes, get_visible, list_steps, list_visible, read_state
from hub.findings.service.evaluation import Question, answer, read_question, store_answer
from hub.findings.service.rules import (
    Change,
    Installed,
    get_rule,
    install_packs,
    install_rules,
    list_rules,
    plan_rules,
    retire_rules,
    set_rule_stage,
)
from hub.findings.service.verification import (
    feeding_connection,
    get_alert,
    note_waiting,
    read_verification,
    request_verification,
    store_verification,
)

__all__ = [
    "Change",
    "Installed",
    "Privacy",
    "Question",
    "answer",
    "feeding_connection",
    "find_homes",
    "get_alert",
    "get_rule",
    "get_visible",
    "install_packs",
    "install_rules",
    "list_rules",
    "list_steps",
    "list_visible",
    "note_waiting",
    "plan_rules",
    "read_question",
    "read_state",
    "read_verification",
    "request_verification",
    "retire_rules",
    "set_rule_stage",
    "store_answer",
    "store_verification",
]
