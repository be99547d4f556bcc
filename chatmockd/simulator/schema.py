"""A value that fits a JSON schema, with what the conversation offers filled in.

Tool arguments and structured answers come from here. Known limit: C{pattern} is not
followed, so a field with one may get a text which does not match it.
"""

from __future__ import annotations

import math
from typing import Any

from chatmockd.simulator.hints import Hints

# A recursive schema has to end somewhere; optional parts end it from here on.
_DEEP = 6

_FORMATS = {
    "date-time": "2026-01-01T12:00:00Z",
    "date": "2026-01-01",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}

Schema = dict[str, Any]


def value_for(schema: object, hints: Hints, name: str = "") -> Any:
    """
    A value that fits C{schema}.

    @param schema: A JSON schema; references into itself are followed.
    @param name: What the value is called, which says where in the text to look.
    """
    root = schema if isinstance(schema, dict) else {}
    return _Fitting(root, hints).value(schema, name, 0)


class _Fitting:
    def __init__(self, root: Schema, hints: Hints) -> None:
        self._root, self._hints = root, hints

    def value(self, schema: object, name: str, depth: int) -> Any:
        if not isinstance(schema, dict):
            return {}
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self._chosen(schema["enum"])
        for union in ("anyOf", "oneOf"):
            if schema.get(union):
                return self._alternative(schema[union], name, depth)
        kind = self._kind(schema, depth)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind in ("integer", "number"):
            return self._number(schema, name, whole=kind == "integer")
        if kind == "boolean":
            return schema.get("default", True) is True
        return None if kind == "null" else self._string(schema, name)

    def _resolved(self, schema: Schema) -> Schema:
        """Follow C{$ref}, and lay the parts of C{allOf} over each other."""
        for _ in range(_DEEP):
            if not isinstance(schema.get("$ref"), str):
                break
            target: Any = self._root
            for step in schema["$ref"].lstrip("#").strip("/").split("/"):
                key = step.replace("~1", "/").replace("~0", "~")
                if key:
                    target = target.get(key, {}) if isinstance(target, dict) else {}
            schema = target if isinstance(target, dict) else {}
        merged = dict(schema)
        for part in merged.pop("allOf", None) or ():
            if isinstance(part, dict):
                part = self._resolved(part)
                merged = {
                    **merged,
                    **part,
                    "properties": {
                        **merged.get("properties", {}),
                        **part.get("properties", {}),
                    },
                    "required": [
                        *merged.get("required", []),
                        *part.get("required", []),
                    ],
                }
                if not merged["properties"]:
                    del merged["properties"]
        return merged

    def _chosen(self, options: list[Any]) -> Any:
        text = self._hints.text.lower()
        for option in options:
            if isinstance(option, str) and option and option.lower() in text:
                return option
        return options[0]

    def _alternative(self, options: list[Any], name: str, depth: int) -> Any:
        def is_null(option: object) -> bool:
            return isinstance(option, dict) and option.get("type") == "null"

        nulls = [option for option in options if is_null(option)]
        others = [option for option in options if not is_null(option)]
        # An optional reference is most often the schema itself: once is enough.
        again = depth > 2 and _refers(others)
        chosen = nulls if nulls and (again or depth >= _DEEP) else others or nulls
        return self.value(chosen[0], name, depth + 1)

    def _kind(self, schema: Schema, depth: int) -> str:
        kinds = schema.get("type")
        if isinstance(kinds, list) and kinds:
            if "null" in kinds and depth >= _DEEP:
                return "null"
            kinds = next((kind for kind in kinds if kind != "null"), "null")
        if isinstance(kinds, str):
            return kinds
        if "properties" in schema:
            return "object"
        return "array" if "items" in schema or "prefixItems" in schema else "string"

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        required = schema.get("required")
        wanted = properties if required is None and depth < _DEEP else required or ()
        return {
            name: self.value(properties.get(name), name, depth + 1) for name in wanted
        }

    def _array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        least = int(schema.get("minItems", 0))
        most = int(schema.get("maxItems", 8))
        if schema.get("prefixItems"):
            return [self.value(each, name, depth + 1) for each in schema["prefixItems"]]
        items = schema.get("items", {"type": "string"})
        if depth >= _DEEP:
            return [self.value(items, name, depth + 1) for _ in range(least)]
        if isinstance(items, dict) and items.get("type") == "string":
            # "Alice and Bob": each is one of the participants.
            plain = items.keys() <= {"type", "title", "description"}
            people: list[Any] = self._hints.people() if plain else []
            if people and least <= len(people):
                return people[:most]
        size = max(least, min(1, most))
        return [self.value(items, name.rstrip("s"), depth + 1) for _ in range(size)]

    def _number(self, schema: Schema, name: str, *, whole: bool) -> float | int:
        value = self._hints.number_for(name)
        if value is None:
            value = float(schema.get("default") or schema.get("minimum") or 1)
        low = schema.get("minimum", -math.inf)
        high = schema.get("maximum", math.inf)
        low = max(low, schema.get("exclusiveMinimum", -math.inf) + (1 if whole else 0))
        high = min(high, schema.get("exclusiveMaximum", math.inf) - (1 if whole else 0))
        value = min(max(value, low), high)
        if not whole and value in (
            schema.get("exclusiveMinimum"),
            schema.get("exclusiveMaximum"),
        ):
            value = (max(low, value - 1) + min(high, value + 1)) / 2
        step = schema.get("multipleOf")
        if step:
            value = math.ceil(value / step) * step
            value = value - step if value > high else value
        return int(value) if whole else value

    def _string(self, schema: Schema, name: str) -> str:
        format_name = schema.get("format")
        value = self._hints.text_for(name, format_name)
        if format_name in _FORMATS and (format_name != "email" or value is None):
            # "tomorrow" is a fine word and no date.
            value = value if value and value[:1].isdigit() else _FORMATS[format_name]
        if value is None and isinstance(schema.get("default"), str):
            value = schema["default"]
        if value is None and isinstance(schema.get("examples"), list):
            value = next((x for x in schema["examples"] if isinstance(x, str)), None)
        if value is None:
            value = self._hints.text or name or "text"
        value = value.ljust(int(schema.get("minLength", 0)), "x")
        return value[: int(schema["maxLength"])] if "maxLength" in schema else value


def _refers(options: list[Any]) -> bool:
    first = options[0] if options else None
    return isinstance(first, dict) and "$ref" in first
