"""The OpenAPI document as a page can show it: operations by group, fields of bodies and answers.

Reads the document that `/v1/openapi.json` serves and nothing else, so that the two cannot differ.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]

VERBS = ("get", "post", "put", "patch", "delete")
MOST_DEEP = 4


@dataclass(frozen=True)
class Field:
    """One parameter or field; `name` is dotted for nested ones, with [] behind a list."""

    name: str
    kind: str
    required: bool
    says: str


@dataclass(frozen=True)
class Operation:
    """One verb on one path."""

    id: str
    verb: str
    path: str
    says: str
    scope: str
    parameters: tuple[Field, ...]
    body_type: str
    body: tuple[Field, ...]
    answers: tuple[tuple[str, tuple[Field, ...]], ...]
    example: str


@dataclass(frozen=True)
class Group:
    """Operations under one tag."""

    name: str
    operations: tuple[Operation, ...]


def groups(document: Document, origin: str) -> list[Group]:
    """All operations by their tag, in the order of the document. `origin` leads the curl lines."""
    found: dict[str, list[Operation]] = {}
    for path, verbs in document["paths"].items():
        for verb in VERBS:
            if verb in verbs:
                tag = (verbs[verb].get("tags") or [""])[0]
                made = _operation(document, path, verb, verbs[verb], origin)
                found.setdefault(tag, []).append(made)
    return [Group(name, tuple(operations)) for name, operations in found.items()]


def _operation(
    document: Document, path: str, verb: str, spec: dict[str, Any], origin: str
) -> Operation:
    scope = next((s for each in spec.get("security", []) for s in each.get("key", [])), "")
    body_type, body, sample = _body(document, spec)
    return Operation(
        id=spec["operationId"],
        verb=verb.upper(),
        path=path,
        says=spec.get("description", "").partition("\n\nScope:")[0],
        scope=scope,
        parameters=tuple(_parameter(each) for each in spec.get("parameters", [])),
        body_type=body_type,
        body=body,
        answers=tuple(
            (status, tuple(_fields(document, _schema(answer))))
            for status, answer in spec["responses"].items()
            if status.startswith("2")
        ),
        example=_curl(origin, path, verb, spec, body_type, sample),
    )


def _parameter(spec: dict[str, Any]) -> Field:
    return Field(
        name=spec["name"],
        kind=_kind(spec.get("schema", {})),
        required=bool(spec.get("required")),
        says=spec.get("description", ""),
    )


def _body(document: Document, spec: dict[str, Any]) -> tuple[str, tuple[Field, ...], Any]:
    content = spec.get("requestBody", {}).get("content", {})
    for media_type, media in content.items():
        examples = [example["value"] for example in media.get("examples", {}).values()]
        fields = tuple(_fields(document, media.get("schema", {})))
        return media_type, fields, examples[0] if examples else None
    return "", (), None


def _schema(answer: dict[str, Any]) -> dict[str, Any]:
    content = answer.get("content", {})
    return next((media.get("schema", {}) for media in content.values()), {})


def _resolved(document: Document, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema behind a reference; one that only wraps a reference is unwrapped too."""
    for wrapper in ("allOf", "oneOf"):
        if len(schema.get(wrapper, ())) == 1:
            return {**_resolved(document, schema[wrapper][0]), **schema}
    reference = schema.get("$ref")
    if reference is None:
        return schema
    return dict(document["components"]["schemas"][reference.rsplit("/", 1)[1]])


def _fields(
    document: Document, schema: dict[str, Any], lead: str = "", depth: int = 0
) -> Iterator[Field]:
    """The fields of an object, nested ones after their parent."""
    schema = _resolved(document, schema)
    required = schema.get("required", [])
    for name, given in schema.get("properties", {}).items():
        inner = _resolved(document, given)
        yield Field(f"{lead}{name}", _kind(inner), name in required, _says(inner))
        if depth < MOST_DEEP:
            items = _resolved(document, inner.get("items", {}))
            yield from _fields(document, inner, f"{lead}{name}.", depth + 1)
            yield from _fields(document, items, f"{lead}{name}[].", depth + 1)


def _says(schema: dict[str, Any]) -> str:
    """The description without the list of choices: the field's kind names them already."""
    lines = schema.get("description", "").splitlines()
    return "\n".join(line for line in lines if not line.startswith("* `")).strip()


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"] if value is not None)
    kinds = schema.get("type", "object")
    named = kinds if isinstance(kinds, list) else [kinds]
    text = " | ".join(str(kind) for kind in named)
    return f"{text}, {schema['format']}" if "format" in schema else text


def _curl(
    origin: str, path: str, verb: str, spec: dict[str, Any], body_type: str, sample: Any
) -> str:
    query = "&".join(
        f"{each['name']}={each['name'].upper()}"
        for each in spec.get("parameters", [])
        if each.get("required") and each["in"] == "query"
    )
    lines = ['curl -H "Authorization: Bearer KEY"']
    if verb != "get":
        lines.append(f"-X {verb.upper()}")
    if body_type == "multipart/form-data":
        lines.append('-F kind=events -F "file=@events.csv"')
    elif sample is not None:
        lines.append(f"-H 'Content-Type: application/json' -d '{json.dumps(sample)}'")
    address = f"{origin}{path}" + (f"?{query}" if query else "")
    return " \\\n  ".join([*lines, f'"{address}"'])
