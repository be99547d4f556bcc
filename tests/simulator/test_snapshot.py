"""The response object."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chatmockd.simulator.snapshot import Snapshot, usage_of

# The fields that recordings of api.openai.com show in every event that carries it.
_RECORDED = """
id object created_at status background completed_at error frequency_penalty
incomplete_details instructions max_output_tokens max_tool_calls model output
parallel_tool_calls presence_penalty previous_response_id prompt_cache_key
prompt_cache_retention reasoning safety_identifier service_tier store temperature text
tool_choice tools top_logprobs top_p truncation usage user metadata
"""


def _snapshot(**body: object) -> Snapshot:
    return Snapshot(
        {"model": "gpt-4o-mini", **body}, "resp_1", 100, dated=True, stored=True
    )


class SnapshotTests(SynchronousTestCase):
    """One turn at its different moments."""

    def test_complete_from_the_start(self) -> None:
        """Every recorded field is there at once."""
        self.assertEqual(set(_snapshot().running()), set(_RECORDED.split()))

    def test_echoes_the_request(self) -> None:
        """Settings stand in the response as they were sent."""
        tools = [{"type": "function", "name": "f", "strict": True}]
        running = _snapshot(
            tools=tools, temperature=0, instructions="be brief", metadata={"a": "b"}
        ).running()
        self.assertEqual(running["tools"], tools)
        self.assertEqual(running["temperature"], 0)
        self.assertEqual(running["instructions"], "be brief")
        self.assertEqual(running["metadata"], {"a": "b"})

    def test_model(self) -> None:
        """The dated snapshot, where the profile names it."""
        self.assertEqual(_snapshot().running()["model"], "gpt-4o-mini-2024-07-18")
        plain = Snapshot({"model": "gpt-4o"}, "r", 1, dated=False, stored=False)
        self.assertEqual(plain.running()["model"], "gpt-4o")

    def test_finished(self) -> None:
        """A completed one has its output, its usage and the tier it ran on."""
        usage = usage_of(10, 4, 5, 2)
        finished = _snapshot().finished([{"type": "message"}], usage, 103)
        self.assertEqual(
            (finished["status"], finished["completed_at"], finished["service_tier"]),
            ("completed", 103, "default"),
        )
        self.assertEqual(finished["output"], [{"type": "message"}])
        self.assertEqual(finished["usage"]["total_tokens"], 15)

    def test_incomplete_and_failed(self) -> None:
        """Both say why."""
        incomplete = _snapshot().finished([], {}, 103, incomplete="max_output_tokens")
        self.assertEqual(incomplete["status"], "incomplete")
        self.assertEqual(
            incomplete["incomplete_details"], {"reason": "max_output_tokens"}
        )
        failed = _snapshot().failed("server_error", "no")
        self.assertEqual(failed["status"], "failed")
        self.assertEqual(failed["error"], {"code": "server_error", "message": "no"})
