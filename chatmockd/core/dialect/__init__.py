"""The other APIs: their JSON in the words of the Responses API, and back."""
