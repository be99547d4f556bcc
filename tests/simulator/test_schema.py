"""Values that fit a JSON schema."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.hints import Hints
from chatmockd.simulator.schema import value_for

_TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def fits(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether C{value} fits: as much of JSON Schema as these tests use."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    if "enum" in schema:
        return value in schema["enum"]
    if "anyOf" in schema:
        return any(fits(value, each, root) for each in schema["anyOf"])
    if not isinstance(value, _TYPES[schema["type"]]):
        return False
    match schema["type"]:
        case "object":
            properties = schema["properties"]
            return set(schema["required"]) <= set(value) <= set(properties) and all(
                fits(value[name], properties[name], root) for name in value
            )
        case "array":
            return schema.get("minItems", 0) <= len(value) <= schema.get(
                "maxItems", 99
            ) and all(fits(each, schema["items"], root) for each in value)
        case "integer" | "number":
            low, high = schema.get("minimum", value), schema.get("maximum", value)
            return bool(low <= value <= high)
        case "string":
            least, most = schema.get("minLength", 0), schema.get("maxLength", 1 << 30)
            return bool(least <= len(value) <= most)
    return True


_LEAVES = st.one_of(
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.builds(
        lambda low, span: {"type": "integer", "minimum": low, "maximum": low + span},
        st.integers(-50, 50),
        st.integers(0, 50),
    ),
    st.builds(
        lambda least, span: {
            "type": "string",
            "minLength": least,
            "maxLength": least + span,
        },
        st.integers(0, 20),
        st.integers(0, 20),
    ),
    st.builds(
        lambda options: {"enum": options}, st.lists(st.text(), min_size=1, max_size=3)
    ),
)


def _grown(schemas: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.dictionaries(st.text(min_size=1, max_size=6), schemas, max_size=3).map(
            lambda properties: {
                "type": "object",
                "properties": properties,
                "required": sorted(properties)[:2],
            }
        ),
        st.builds(
            lambda items, least, span: {
                "type": "array",
                "items": items,
                "minItems": least,
                "maxItems": least + span,
            },
            schemas,
            st.integers(0, 3),
            st.integers(0, 3),
        ),
        st.lists(schemas, min_size=1, max_size=3).map(lambda each: {"anyOf": each}),
    )


class ValueForTests(SynchronousTestCase):
    """Made from a schema, filled from a text."""

    def test_arguments(self) -> None:
        """Fields take what the text offers them."""
        schema = {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer", "minimum": 1, "maximum": 7},
                "unit": {"type": "string", "enum": ["fahrenheit", "celsius"]},
                "note": {"type": "string"},
            },
            "required": ["city", "days", "unit"],
        }
        hints = Hints("What is the weather in Paris for 30 days, in celsius?")
        self.assertEqual(
            value_for(schema, hints), {"city": "Paris", "days": 7, "unit": "celsius"}
        )

    def test_structured_answer(self) -> None:
        """The example of OpenAI's guide for structured outputs."""
        schema = {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "date": {"type": "string"},
                "participants": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["date", "participants"],
        }
        hints = Hints("Alice and Bob are going to a science fair on friday.")
        self.assertEqual(
            value_for(schema, hints),
            {"date": "friday", "participants": ["Alice", "Bob"]},
        )

    def test_references(self) -> None:
        """References are followed, also round in circles."""
        schema = {
            "type": "object",
            "properties": {"root": {"$ref": "#/$defs/node"}},
            "required": ["root"],
            "$defs": {
                "node": {
                    "type": "object",
                    "properties": {
                        "label": {"type": "string"},
                        "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                    },
                    "required": ["label", "next"],
                }
            },
        }
        self.assertTrue(fits(value_for(schema, Hints("a tree")), schema, schema))

    def test_formats(self) -> None:
        """Formats are kept even when the text is vague."""
        for name, form in (
            ("date", r"\d{4}-\d\d-\d\d"),
            ("date-time", r"\d{4}-\d\d-\d\dT.*"),
            ("email", r"\S+@\S+"),
            ("uuid", r"[0-9a-f-]{36}"),
        ):
            value = value_for({"type": "string", "format": name}, Hints("tomorrow"))
            self.assertTrue(re.fullmatch(form, value), value)

    def test_merged(self) -> None:
        """Parts of C{allOf} are one object."""
        schema = {
            "allOf": [
                {
                    "type": "object",
                    "properties": {"a": {"const": 1}},
                    "required": ["a"],
                },
                {"properties": {"b": {"type": "null"}}, "required": ["b"]},
            ]
        }
        self.assertEqual(value_for(schema, Hints("")), {"a": 1, "b": None})

    def test_numbers(self) -> None:
        """Bounds and steps hold."""
        for schema, value in (
            ({"type": "integer", "exclusiveMinimum": 5}, 6),
            ({"type": "integer", "multipleOf": 5, "minimum": 7}, 10),
            ({"type": ["null", "number"], "maximum": -2.5}, -2.5),
        ):
            self.assertEqual(value_for(schema, Hints("")), value)

    @given(st.recursive(_LEAVES, _grown, max_leaves=8), st.text(max_size=30))
    def test_any_schema(self, schema: dict[str, Any], text: str) -> None:
        """Whatever the text is, the value fits."""
        self.assertTrue(fits(value_for(schema, Hints(text)), schema, schema))
