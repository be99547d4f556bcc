"""The variables that people bring along from ChatMock."""

from __future__ import annotations

from tests.configured import ConfigCase
from tests.core.cases import case

CHATMOCK = "CHATGPT_LOCAL_RESPONSES_WEBSOCKET_UPSTREAM"
STATEFUL = f"{CHATMOCK}_STATEFUL"


class ChatMockTests(ConfigCase):
    """The names that people bring along from ChatMock."""

    def test_what_they_mean(self) -> None:
        """One says how turns travel; the other says what is kept."""
        for environ, transport, mode in (
            ({CHATMOCK: "true"}, "websocket", "durable"),
            ({CHATMOCK: "1", STATEFUL: "on"}, "websocket", "retained"),
            ({STATEFUL: "true"}, "websocket", "retained"),
            ({STATEFUL: "False"}, "websocket", "off"),
            ({CHATMOCK: "true", STATEFUL: "no"}, "websocket", "off"),
            ({CHATMOCK: "", STATEFUL: " "}, "websocket", "durable"),
            ({CHATMOCK: "false"}, "http", "durable"),
            ({CHATMOCK: "0", STATEFUL: "0"}, "http", "off"),
        ):
            with case(environ=environ):
                settings = self.load(**environ)
                self.assertEqual(settings.upstream.transport, transport)
                self.assertEqual(settings.continuity.mode, mode)

    def test_the_others(self) -> None:
        """Each has a key of its own, and means the same there."""
        for name, text, section, key, value in (
            ("CLIENT_ID", "app_1", "account", "client_id", "app_1"),
            ("ISSUER", "http://[::1]:1", "account", "issuer", "http://[::1]:1"),
            ("LOGIN_BIND", "0.0.0.0", "account", "login_bind", "0.0.0.0"),
            ("DEBUG_MODEL", "gpt-5", "defaults", "model", "gpt-5"),
            ("ENABLE_WEB_SEARCH", "Yes", "defaults", "web_search", True),
            ("FAST_MODE", "1", "defaults", "fast_mode", True),
            ("REASONING_EFFORT", "XHigh", "defaults", "reasoning_effort", "xhigh"),
            ("REASONING_SUMMARY", "none", "defaults", "reasoning_summary", "none"),
            ("REASONING_COMPAT", "O3", "defaults", "reasoning_compat", "o3"),
            ("EXPOSE_REASONING_MODELS", "on", "models", "expose_efforts", True),
            ("MODEL_SYNC", "off", "models", "sync", False),
            ("MODEL_REFRESH_INTERVAL", "60", "models", "refresh_interval_s", 60.0),
        ):
            with case(name=name):
                settings = self.load(**{f"CHATGPT_LOCAL_{name}": text})
                self.assertEqual(getattr(getattr(settings, section), key), value)

    def test_chatmock_names_give_way(self) -> None:
        """Our own variables are meant for us, and win."""
        environ = {STATEFUL: "true", "CHATMOCKD_CONTINUITY__MODE": "off"}
        self.assertEqual(self.load(**environ).continuity.mode, "off")
        settings = self.load('[continuity]\nmode = "off"', **{STATEFUL: "true"})
        self.assertEqual(settings.continuity.mode, "retained")

    def test_contradictions(self) -> None:
        """What cannot be done is refused, with the names."""
        for environ, words in (
            (
                {CHATMOCK: "false", STATEFUL: "true"},
                (CHATMOCK, STATEFUL, "contradicts"),
            ),
            (
                {"CHATGPT_LOCAL_REASONING_EFFORT": "hard"},
                ("CHATGPT_LOCAL_REASONING_EFFORT: defaults.reasoning_effort", "low"),
            ),
            ({CHATMOCK: "maybe"}, (CHATMOCK, "true or false")),
            ({STATEFUL: "2"}, (STATEFUL, "true or false")),
        ):
            complaint = self.complaint(**environ)
            for word in words:
                with case(environ=environ):
                    self.assertIn(word, complaint)
