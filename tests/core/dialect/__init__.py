"""The other APIs."""
