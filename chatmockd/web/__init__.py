"""The glue to Klein: one file per API."""
