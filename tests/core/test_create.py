"""What a client asks for, checked and made into what the upstream is asked."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chatmockd.core.create import (
    MAX_COMMAS,
    MAX_CONTAINERS,
    MAX_DEPTH,
    Create,
    check_message,
    read_create,
)
from chatmockd.core.profile import CHATGPT, OPENAI, Profile
from chatmockd.errors import InvalidRequest
from tests.core.cases import case
from tests.core.json_values import values

BASE = {"model": "gpt-5.5", "input": "Hello"}


def asked(fields: dict[str, Any], profile: Profile = OPENAI) -> Create:
    """What becomes of a body with these fields."""
    return read_create(json.dumps(fields).encode(), profile)


def message(create: Create, marker: str | None = None) -> Any:
    """The upstream message, decoded."""
    return json.loads(create.as_frame(marker))


def nested(levels: int, before: bytes, after: bytes) -> bytes:
    """A body that is nested so deep, the body itself being the first level."""
    inner = before * (levels - 1) + b"1" + after * (levels - 1)
    return b'{"model":"m","input":"x","metadata":' + inner + b"}"


class RefusalTests(SynchronousTestCase):
    """A request that makes no sense goes nowhere."""

    def _refused(self, body: bytes, profile: Profile = OPENAI) -> InvalidRequest:
        error = self.assertRaises(InvalidRequest, read_create, body, profile)
        assert isinstance(error, InvalidRequest)
        self.assertEqual((error.status, error.type), (400, "invalid_request_error"))
        return error

    def test_bodies_that_are_no_json_object(self) -> None:
        """One sentence says what is wrong with the body."""
        for body, words in (
            (b"", "empty"),
            (b" \r\n\t", "empty"),
            (b"hello", "not valid JSON"),
            (b"{", "not valid JSON"),
            (b'{"model":"m"', "not valid JSON"),
            (b'{"model":"m",}', "not valid JSON"),
            (b'{"model":"m"}{}', "not valid JSON"),
            (b"model=m", "not valid JSON"),
            (b"{'model':'m'}", "not valid JSON"),
            (b'{"model":"m","n":NaN}', "not valid JSON"),
            (b'{"model":"m","n":Infinity}', "not valid JSON"),
            (b'{"model":"m","n":-Infinity}', "not valid JSON"),
            (b'{"model":"m","n":1e999}', "not valid JSON"),
            (b'{"model":"m","n":' + b"1" * 5_000 + b"}", "not valid JSON"),
            (b'{"model":"m","input":"\\ud800"}', "not valid JSON"),
            (b'{"model":"m","input":"\\ud800\\u0041"}', "not valid JSON"),
            (b'{"model":"m","\\udfff":1}', "not valid JSON"),
            (b'{"model":"m","input":"\n"}', "not valid JSON"),
            (b'\xef\xbb\xbf{"model":"m"}', "not valid JSON"),
            (b'\xff\xfe{\x00"\x00', "not valid JSON"),
            (b'{"model":"m","input":"\xff"}', "not UTF-8"),
            (b'{"model":"m","input":"\xed\xa0\x80"}', "not UTF-8"),
            (b"[]", "must be a JSON object"),
            (b"null", "must be a JSON object"),
            (b'"text"', "must be a JSON object"),
            (b"5", "must be a JSON object"),
        ):
            with case(body=body[:50]):
                self.assertIn(words, str(self._refused(body)))

    def test_too_deep(self) -> None:
        """As deep as anybody needs, and not deeper; no depth is too much for us."""
        for before, after in ((b"[", b"]"), (b'{"a":', b"}")):
            read_create(nested(MAX_DEPTH, before, after), OPENAI)
            for levels in (MAX_DEPTH + 1, MAX_DEPTH + 2, 900, 100_000):
                with case(levels=levels, before=before):
                    error = self._refused(nested(levels, before, after))
                    self.assertIn("nested deeper than 64", str(error))
        self.assertEqual(MAX_DEPTH, 64)

    def test_too_many_members(self) -> None:
        """What would keep us decoding for seconds is refused before it is decoded."""
        for body in (
            b"[" * (MAX_CONTAINERS + 1),
            b'{"model":"m","input":[' + b"{}," * MAX_CONTAINERS + b"{}]}",
            b'{"model":"m","input":"x","x":[' + b"1," * MAX_COMMAS + b"1]}",
        ):
            with case(body=body[:40]):
                self.assertIn("more members", str(self._refused(body)))
        items = b",".join([b"{}"] * 1_000)
        many = b'{"model":"m","input":[' + items + b"]}"
        self.assertEqual(len(message(read_create(many, OPENAI))["input"]), 1_000)

    def test_fields_of_the_wrong_type(self) -> None:
        """The message and C{param} name the field."""
        for fields, param, code in (
            ({"stream": "true"}, "stream", "invalid_type"),
            ({"stream": 1}, "stream", "invalid_type"),
            ({"background": "no"}, "background", "invalid_type"),
            ({"model": 5}, "model", "invalid_type"),
            ({"model": " "}, "model", "invalid_type"),
            ({"model": None}, "model", "missing_required_parameter"),
            ({"model": None, "prompt": None}, "model", "missing_required_parameter"),
            ({"model": 5, "prompt": {"id": "p"}}, "model", "invalid_type"),
            ({"input": 5}, "input", "invalid_type"),
            ({"input": True}, "input", "invalid_type"),
            ({"input": [{}, "x"]}, "input[1]", "invalid_type"),
            ({"input": [None]}, "input[0]", "invalid_type"),
        ):
            with case(fields=fields):
                error = self._refused(json.dumps({**BASE, **fields}).encode())
                self.assertEqual((error.param, error.code), (param, code))
                self.assertIn(f"'{param}'", str(error))

    def test_what_cannot_be_had(self) -> None:
        """Nothing that the client asked for is dropped in silence."""
        for fields, param in (
            ({"background": True}, "background"),
            ({"stream_id": "lane"}, "stream_id"),
        ):
            for profile in (OPENAI, CHATGPT):
                with case(fields=fields, profile=profile.name):
                    body = json.dumps({**BASE, **fields}).encode()
                    error = self._refused(body, profile)
                    self.assertEqual(error.param, param)
                    self.assertEqual(error.code, "unsupported_parameter")

    def test_two_ways_to_say_what_came_before(self) -> None:
        """Only one of them can hold; a marker that is none says nothing."""
        for profile in (OPENAI, CHATGPT):
            for conversation in ("conv_1", {"id": "conv_1"}):
                fields = {**BASE, "conversation": conversation}
                both = {**fields, "previous_response_id": "resp_1"}
                error = self._refused(json.dumps(both).encode(), profile)
                self.assertEqual(error.code, "mutually_exclusive_parameters")
                self.assertEqual(error.param, "conversation")
                create = asked({**fields, "previous_response_id": " "}, profile)
                self.assertEqual(message(create)["conversation"], conversation)
                asked({**both, "conversation": None}, profile)


class ReadingTests(SynchronousTestCase):
    """What is understood of a good request."""

    def test_streaming_is_what_the_body_says(self) -> None:
        """Only a true C{stream} streams."""
        for fields, streaming in (
            ({}, False),
            ({"stream": None}, False),
            ({"stream": False}, False),
            ({"stream": True}, True),
        ):
            with case(fields=fields):
                self.assertIs(asked({**BASE, **fields}).streaming, streaming)

    def test_markers(self) -> None:
        """Trimmed; what is blank or no text begins a new conversation."""
        for value, marker in (
            ("resp_1", "resp_1"),
            ("  resp_1\n", "resp_1"),
            ("", None),
            (" \t ", None),
            (None, None),
            (5, None),
            (["resp_1"], None),
            ({"id": "resp_1"}, None),
            (True, None),
        ):
            with case(value=value):
                create = asked({**BASE, "previous_response_id": value})
                self.assertEqual(create.marker, marker)
                self.assertNotIn("previous_response_id", message(create))
        self.assertIsNone(asked(BASE).marker)

    def test_input_may_have_three_shapes(self) -> None:
        """A string, an item, a list of items; none at all is the upstream's affair."""
        item = {"role": "user", "content": "Hi"}
        for given_, sent in (("Hi", "Hi"), (item, [item]), ([item], [item]), ([], [])):
            with case(given=given_):
                self.assertEqual(
                    message(asked({**BASE, "input": given_}))["input"], sent
                )
        self.assertNotIn("input", message(asked({"model": "m"})))

    def test_model(self) -> None:
        """As the client wrote it; a stored prompt may do without."""
        self.assertEqual(asked(BASE).model, "gpt-5.5")
        create = asked({"prompt": {"id": "pmpt_1"}})
        self.assertEqual(create.model, "")
        self.assertEqual(message(create)["prompt"], {"id": "pmpt_1"})


class FrameTests(SynchronousTestCase):
    """The upstream message."""

    def test_flat(self) -> None:
        """The type beside the fields, without what only HTTP knows."""
        create = asked(
            {**BASE, "type": "x", "stream": True, "background": False, "store": True}
        )
        self.assertEqual(
            message(create), {"type": "response.create", **BASE, "store": True}
        )

    def test_with_a_marker(self) -> None:
        """The marker that is sent is the one that the caller decided on."""
        create = asked({**BASE, "previous_response_id": " resp_1 "})
        self.assertEqual(
            message(create, create.marker),
            {"type": "response.create", "previous_response_id": "resp_1", **BASE},
        )

    @given(st.text(max_size=12).map("x-".__add__), values)
    @settings(max_examples=200, deadline=None)
    def test_unknown_fields(self, name: str, value: Any) -> None:
        """What we have never heard of comes out as it went in."""
        for profile in (OPENAI, CHATGPT):
            body = json.dumps({**BASE, name: value}).encode()
            create = read_create(body, profile)
            self.assertEqual(json.loads(create.as_frame(None))[name], value)

    def test_large_numbers(self) -> None:
        """A number that no machine word holds is passed on, digit by digit."""
        for number in (2**63, 2**64, -(2**80), 10**400):
            with case(number=number):
                self.assertEqual(
                    message(asked({**BASE, "seed": number}))["seed"], number
                )

    def test_a_field_given_twice(self) -> None:
        """The last one counts, and only that is sent."""
        create = read_create(b'{"model":"a","model":"b"}', OPENAI)
        self.assertEqual(create.as_frame(None).count(b'"model"'), 1)
        self.assertEqual(message(create)["model"], "b")


class ProfileTests(SynchronousTestCase):
    """What each kind of upstream does to a request, and who is told of it."""

    stripped = {
        "temperature": 0.5,
        "top_p": 1,
        "user": "u",
        "metadata": {"a": "b"},
        "safety_identifier": "s",
        "stream_options": {},
        "truncation": "auto",
        "max_output_tokens": 5,
        "prompt_cache_retention": "24h",
    }

    def test_openai_gets_it_as_the_client_sent_it(self) -> None:
        """Nothing is forced, stripped or added."""
        fields = {**BASE, **self.stripped, "store": True, "instructions": None}
        create = asked(fields)
        self.assertEqual(message(create), {"type": "response.create", **fields})
        self.assertEqual(create.adjusted, ())

    def test_chatgpt_is_spared_what_it_refuses(self) -> None:
        """Each field that is stripped is named."""
        create = asked({**BASE, "instructions": "Be kind.", **self.stripped}, CHATGPT)
        self.assertEqual(create.adjusted, tuple(sorted(self.stripped)))
        self.assertEqual(
            message(create).keys(),
            {"type", "model", "input", "instructions", "store"},
        )

    def test_what_was_not_wanted_is_not_missed(self) -> None:
        """A null field is dropped without a word."""
        fields = {**BASE, "instructions": "Be kind.", "temperature": None}
        create = asked(fields, CHATGPT)
        self.assertNotIn("temperature", message(create))
        self.assertEqual(create.adjusted, ())

    def test_chatgpt_stores_nothing(self) -> None:
        """C{store} is false, and a client that wanted otherwise is told."""
        for fields, adjusted in (
            ({}, ()),
            ({"store": None}, ()),
            ({"store": False}, ()),
            ({"store": True}, ("store",)),
        ):
            with case(fields=fields):
                create = asked({**BASE, "instructions": "I.", **fields}, CHATGPT)
                self.assertIs(message(create)["store"], False)
                self.assertEqual(create.adjusted, adjusted)

    def test_the_background_is_ours(self) -> None:
        """The upstream hears nothing of it; it would miss the rest of what is said."""
        for background, options, adjusted in (
            (True, {"completion_window": "2h"}, ("background_options",)),
            (True, None, ()),
            (False, {"completion_window": "2h"}, ()),
        ):
            with case(background=background, options=options):
                fields = {"background": background, "background_options": options}
                body = json.dumps({**BASE, **fields}).encode()
                create = read_create(body, OPENAI, keeps=True)
                self.assertIs(create.background, background)
                self.assertEqual(create.adjusted, adjusted)
                sent = {} if background else {"background_options": options}
                self.assertEqual(
                    message(create), {"type": "response.create", **BASE, **sent}
                )

    def test_chatgpt_has_instructions(self) -> None:
        """The client's own, or else some, and then it is told."""
        for fields, sent, adjusted in (
            ({"instructions": "Be kind."}, "Be kind.", ()),
            ({}, CHATGPT.default_instructions, ("instructions",)),
            ({"instructions": ""}, CHATGPT.default_instructions, ("instructions",)),
            ({"instructions": None}, CHATGPT.default_instructions, ("instructions",)),
        ):
            with case(fields=fields):
                create = asked({**BASE, **fields}, CHATGPT)
                self.assertEqual(message(create)["instructions"], sent)
                self.assertEqual(create.adjusted, adjusted)

    def test_chatgpt_takes_a_list(self) -> None:
        """A string becomes the message that it means; a list stays."""
        self.assertEqual(
            message(asked(BASE, CHATGPT))["input"],
            [
                {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "Hello"}],
                }
            ],
        )
        items = [{"role": "user", "content": "Hi"}]
        create = asked({**BASE, "input": items}, CHATGPT)
        self.assertEqual(message(create)["input"], items)


class MessageTests(SynchronousTestCase):
    """What comes over a WebSocket instead."""

    CREATE = {"type": "response.create"} | BASE

    def test_it_is_always_streamed(self) -> None:
        """Whatever C{stream} says."""
        for stream in (None, True, False, 7):
            with case(stream=stream):
                create = check_message(self.CREATE | {"stream": stream}, OPENAI)
                self.assertTrue(create.streaming)
                self.assertEqual(message(create), self.CREATE)

    def test_what_there_is_not(self) -> None:
        """Other types, and the background."""
        for fields, param in (
            (BASE, "type"),
            (BASE | {"type": "response.append"}, "type"),
            (BASE | {"type": ["response.create"]}, "type"),
            (self.CREATE | {"background": True}, "background"),
        ):
            with case(fields=fields):
                error = self.assertRaises(
                    InvalidRequest, check_message, dict(fields), OPENAI, keeps=True
                )
                self.assertEqual(error.param, param)
