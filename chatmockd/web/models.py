"""C{GET /v1/models}: what the account may choose from, in OpenAI's words."""

from __future__ import annotations

from typing import Any

import msgspec

from chatmockd.core.model import Catalog, Model, find_model
from chatmockd.errors import InvalidRequest
from chatmockd.printable import printable
from chatmockd.web.following import answer_json
from chatmockd.web.guard import GuardedRequest


class ModelNotFound(InvalidRequest):
    """The account has no such model."""

    status = 404
    code = "model_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The model '{printable(name)}' does not exist or you do not have access "
            "to it.",
            param="model",
        )


class Models:
    """Answers from the catalog."""

    def __init__(self, catalog: Catalog, *, expose_efforts: bool) -> None:
        """
        @param expose_efforts: List each model once more for every effort it knows.
        """
        self._catalog = catalog
        self._expose_efforts = expose_efforts

    def list_all(self, request: GuardedRequest) -> bytes:
        """All that people shall be offered, best first."""
        data = [
            _as_json(model, name)
            for model in self._catalog.models()
            if model.listed
            for name in model.names(with_efforts=self._expose_efforts)
        ]
        listed = {"object": "list", "data": data}
        return answer_json(request, msgspec.json.encode(listed))

    def get(self, request: GuardedRequest, name: str) -> bytes:
        """
        One of them, one that is not offered included.

        @raise ModelNotFound: There is none.
        """
        model = find_model(self._catalog.models(), name)
        if model is None:
            raise ModelNotFound(name)
        return answer_json(request, msgspec.json.encode(_as_json(model, name)))


def _as_json(model: Model, name: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": model.created,
        "owned_by": model.owner,
    }
