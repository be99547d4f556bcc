"""The official C{openai} client, and what the tests ask with it."""

from __future__ import annotations

from openai import DefaultHttpxClient, OpenAI
from openai.types.responses import FunctionToolParam
from pydantic import BaseModel

from tests.end_to_end.place import Daemon

MODEL = "gpt-5.5"
TELL, ASK = "Remember the token ALPHA-42.", "What token did I ask you to remember?"
WEATHER: FunctionToolParam = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


class Meeting(BaseModel):
    """What is to be read out of a sentence."""

    name: str
    day: str
    participants: list[str]
    rooms: int


def client_of(daemon: Daemon) -> OpenAI:
    """A client that sees each error at once, and no proxy."""
    return OpenAI(
        api_key="unused",
        base_url=daemon.base_url,
        max_retries=0,
        timeout=30,
        http_client=DefaultHttpxClient(trust_env=False),
    )
