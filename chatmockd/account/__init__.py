"""Credentials for the upstream."""
