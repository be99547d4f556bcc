"""What each profile refuses."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.refusal import Refused
from chatmockd.simulator.rules import UNSUPPORTED_BY_CHATGPT, HangUp, check, lane_of

_LOOSE = {"type": "object", "properties": {"a": {"type": "string"}}}
_STRICT = {**_LOOSE, "additionalProperties": False, "required": ["a"]}


def _tool(parameters: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "name": "f", "strict": True, "parameters": parameters}


class CheckTests(SynchronousTestCase):
    """Requests that come to nothing."""

    def _refused(self, profile: str, **body: Any) -> Refused:
        refused: Refused = self.assertRaises(
            Refused, check, {"model": "m", **body}, profile
        )
        return refused

    def test_accepted(self) -> None:
        """Extra fields do no harm, nor does C{stream}."""
        for profile in ("openai", "chatgpt"):
            check({"model": "m", "stream": True, "client_metadata": {}}, profile)
        check({"model": "m", "store": True, "temperature": 1, "user": "u"}, "openai")
        check({"model": "m", "store": False}, "chatgpt")

    def test_model(self) -> None:
        """There has to be one."""
        for model in (None, "", 1):
            self.assertEqual(self._refused("openai", model=model).param, "model")

    def test_background(self) -> None:
        """There is no background over WebSocket."""
        refused = self._refused("openai", background=True)
        self.assertEqual(refused.code, "unsupported_parameter")

    def test_chatgpt_does_not_store(self) -> None:
        """It says so in the detail shape."""
        frame = self._refused("chatgpt", store=True).frame()
        self.assertEqual(frame["error"], {"detail": "Store must be set to false"})

    def test_chatgpt_parameters(self) -> None:
        """Nine parameters of the public API are not supported."""
        for name in UNSUPPORTED_BY_CHATGPT:
            frame = self._refused("chatgpt", **{name: {}}).frame()
            self.assertEqual(
                frame["error"], {"detail": f"Unsupported parameter: {name}"}
            )
            check({"model": "m", name: {}}, "openai")
        self.assertEqual(len(UNSUPPORTED_BY_CHATGPT), 9)

    def test_range(self) -> None:
        """The recorded answer to a negative temperature."""
        refused = self._refused("openai", temperature=-1)
        self.assertEqual(
            (refused.code, refused.param, refused.message),
            (
                "decimal_below_min_value",
                "temperature",
                "Invalid 'temperature': decimal below minimum value. "
                "Expected a value >= 0, but got -1 instead.",
            ),
        )
        self.assertEqual(
            self._refused("openai", top_p=2).code, "decimal_above_max_value"
        )

    def test_strict_schemas(self) -> None:
        """A schema that calls itself strict has to be."""
        nested = {**_STRICT, "properties": {"a": {"anyOf": [_LOOSE]}}}
        optional = {**_STRICT, "required": []}
        for wrong in (_LOOSE, nested, optional, {"$defs": {"x": _LOOSE}}):
            with self.subTest(schema=wrong):
                refused = self._refused("openai", tools=[_tool(wrong)])
                self.assertEqual(refused.param, "tools[0].parameters")
                text = {
                    "format": {"type": "json_schema", "strict": True, "schema": wrong}
                }
                self.assertEqual(
                    self._refused("openai", text=text).param, "text.format.schema"
                )
                self.assertRaises(
                    HangUp, check, {"model": "m", "tools": [_tool(wrong)]}, "chatgpt"
                )
                self.assertRaises(
                    HangUp, check, {"model": "m", "text": text}, "chatgpt"
                )
        check({"model": "m", "tools": [_tool(_STRICT)]}, "openai")
        check({"model": "m", "tools": [{**_tool(_LOOSE), "strict": False}]}, "openai")


class LaneOfTests(SynchronousTestCase):
    """C{stream_id}."""

    def test_openai(self) -> None:
        """Up to 256 plain characters; none is the default lane."""
        self.assertIsNone(lane_of({}, "openai"))
        self.assertEqual(lane_of({"stream_id": "a.B-1_"}, "openai"), "a.B-1_")
        for wrong in ("", "a b", "x" * 257, 1, ["a"]):
            refused = self.assertRaises(
                Refused, lane_of, {"stream_id": wrong}, "openai"
            )
            self.assertEqual(refused.code, "invalid_stream_id")

    def test_chatgpt(self) -> None:
        """It knows no lanes, and sends no code."""
        refused = self.assertRaises(Refused, lane_of, {"stream_id": "a"}, "chatgpt")
        self.assertEqual(
            refused.frame()["error"],
            {
                "type": "invalid_request_error",
                "message": "Unsupported parameter: stream_id",
            },
        )
