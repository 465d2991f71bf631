"""Derive the slices of the vendors' contracts that the tests need: `derive.py CONTRACTS_FOLDER`.

Only facts are kept: paths, methods, parameters, schemas. Prose, examples and every operation nobody calls are left out.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

Json = Any

PROSE = frozenset({"description", "summary", "title", "example", "examples", "externalDocs", "tags", "operationId"})
METHODS = frozenset({"get", "put", "post", "delete", "patch"})

CLOUD_OPERATIONS: Mapping[str, str] = {
    "/serverInfo": "get",
    "/myself": "get",
    "/mypermissions": "get",
    "/field": "get",
    "/project/{projectIdOrKey}": "get",
    "/issue": "post",
    "/issue/bulkfetch": "post",
    "/issue/createmeta/{projectIdOrKey}/issuetypes": "get",
    "/issue/createmeta/{projectIdOrKey}/issuetypes/{issueTypeId}": "get",
    "/issue/{issueIdOrKey}": "get put delete",
    "/issue/{issueIdOrKey}/comment": "get post",
    "/issue/{issueIdOrKey}/comment/{id}": "get",
    "/issue/{issueIdOrKey}/properties": "get",
    "/issue/{issueIdOrKey}/properties/{propertyKey}": "get put delete",
    "/issue/{issueIdOrKey}/remotelink": "get post delete",
    "/issue/{issueIdOrKey}/remotelink/{linkId}": "get",
    "/issue/{issueIdOrKey}/transitions": "get post",
    "/status": "get",
    "/changelog/bulkfetch": "post",
    "/search/jql": "get post",
}
CLOUD_ONLY = frozenset({"/search/jql", "/issue/bulkfetch", "/changelog/bulkfetch"})
DATA_CENTER_OPERATIONS: Mapping[str, str] = {
    **{path: methods for path, methods in CLOUD_OPERATIONS.items() if path not in CLOUD_ONLY},
    "/search": "get post",
}


def stripped(node: Json, *, names: bool = False) -> Json:
    """Return the node without prose; inside `properties` and the like a key is a name, and names stay."""
    if isinstance(node, dict):
        return {
            key: stripped(
                value, names=key in {"properties", "patternProperties", "definitions", "schemas"} and not names
            )
            for key, value in node.items()
            if names or not (key in PROSE or key.startswith("x-"))
        }
    if isinstance(node, list):
        return [stripped(item) for item in node]
    return node


def references(node: Json) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].rsplit("/", 1)[-1]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def reachable(schemas: Mapping[str, Json], start: Json) -> dict[str, Json]:
    found: dict[str, Json] = {}
    waiting = list(references(start))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = stripped(schemas[name])
            waiting.extend(references(found[name]))
    return dict(sorted(found.items()))


def operation(source: Json) -> Json:
    """Keep what decides whether a call is right; a response without a schema is kept as a declared status."""
    kept = {key: stripped(source[key]) for key in ("parameters", "requestBody") if key in source}
    kept["responses"] = {
        # OpenAPI asks each response for a description; the text itself is prose.
        status: {"description": "", **stripped(response)}
        for status, response in source["responses"].items()
    }
    return kept


def api_slice(spec: Json, operations: Mapping[str, str], *, prefix: str, served_under: str = "") -> Json:
    paths = {}
    for path, methods in operations.items():
        source = spec["paths"].get(prefix + path, {})
        kept = {method: operation(source[method]) for method in methods.split() if method in source}
        if kept:
            shared = {"parameters": stripped(source["parameters"])} if "parameters" in source else {}
            paths[served_under + prefix + path] = {**shared, **kept}
    return {
        "openapi": spec["openapi"],
        "info": {"title": "slice", "version": spec["info"]["version"]},
        "servers": [{"url": "http://localhost"}],
        "paths": paths,
        "components": {"schemas": reachable(spec["components"]["schemas"], paths)},
    }


def without_instant_format(node: Json) -> Json:
    """Drop `format: date-time`: Jira writes +0000 where RFC 3339 wants +00:00, in the contract's own examples too."""
    if isinstance(node, dict):
        return {k: without_instant_format(v) for k, v in node.items() if (k, v) != ("format", "date-time")}
    if isinstance(node, list):
        return [without_instant_format(item) for item in node]
    return node


def with_free_fields(node: Json) -> Json:
    """Undo a defect of the Data Center contract: values of `fields` are any JSON, not objects only."""
    if isinstance(node, dict):
        fixed = {key: with_free_fields(value) for key, value in node.items()}
        if isinstance(fixed.get("fields"), dict) and fixed["fields"].get("additionalProperties") == {"type": "object"}:
            fixed["fields"] = {**fixed["fields"], "additionalProperties": {}}
        return fixed
    if isinstance(node, list):
        return [with_free_fields(item) for item in node]
    return node


def with_expand(spec: Json) -> Json:
    """Add a parameter that the Data Center contract has in its prose only: `expand=transitions.fields`."""
    transitions = spec["paths"]["/rest/api/2/issue/{issueIdOrKey}/transitions"]["get"]
    transitions["parameters"].append({"name": "expand", "in": "query", "schema": {"type": "string"}})
    return spec


def kinds(value: Json, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (path, JSON type) of every value; array items share the path `x[]`, custom fields one name."""
    if isinstance(value, dict):
        yield path, "object"
        for key, item in value.items():
            name = "customfield_*" if re.fullmatch(r"customfield_\d+", key) else key
            yield from kinds(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        yield path, "array"
        for item in value:
            yield from kinds(item, f"{path}[]")
    else:
        names = {str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}
        yield path, names[type(value)]


def webhook_facts(folder: Path) -> Json:
    """Reduce the captured bodies to the JSON types found at each path, by deployment and event: no value survives.

    `always` was in each capture of the event, `sometimes` only in some.
    """
    captures: dict[tuple[str, str], list[dict[str, set[str]]]] = {}
    for file in sorted(folder.glob("*.json")):
        text = file.read_text()
        body = json.loads(text)
        found: dict[str, set[str]] = {}
        for path, kind in kinds(body):
            found.setdefault(path, set()).add(kind)
        deployment = "cloud" if '"accountId"' in text else "data_center"
        captures.setdefault((deployment, body["webhookEvent"]), []).append(found)
    facts: Json = {}
    for (deployment, event), bodies in captures.items():
        merged: dict[str, set[str]] = {}
        for body in bodies:
            for path, seen in body.items():
                merged.setdefault(path, set()).update(seen)
        always = set.intersection(*(set(body) for body in bodies))
        facts.setdefault(deployment, {})[event] = {
            "captures": len(bodies),
            "always": {path: sorted(merged[path]) for path in merged if path and path in always},
            "sometimes": {path: sorted(merged[path]) for path in merged if path not in always},
        }
    return facts


def read(file: Path) -> Json:
    return json.loads(gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes())


def derive(contracts: Path) -> dict[str, str]:
    """Return file name -> content of every slice."""
    cloud = read(contracts / "jira-cloud-platform-v3.openapi.json.gz")
    data_center = read(contracts / "jira-datacenter-10.3.openapi.json.gz")
    slices = {
        "jira-cloud.json": without_instant_format(api_slice(cloud, CLOUD_OPERATIONS, prefix="/rest/api/3")),
        "jira-data-center.json": with_expand(
            with_free_fields(
                without_instant_format(
                    api_slice(data_center, DATA_CENTER_OPERATIONS, prefix="/api/2", served_under="/rest"),
                ),
            ),
        ),
        "adf.json": stripped(read(contracts / "adf-v1-full.schema.json")),
        "jira-webhooks.json": webhook_facts(contracts / "webhooks"),
    }
    return {name: json.dumps(content, separators=(",", ":"), sort_keys=True) + "\n" for name, content in slices.items()}


if __name__ == "__main__":
    for name, content in derive(Path(sys.argv[1])).items():
        (HERE / name).write_text(content)
