"""The glue to Autobahn: connections to the model's servers."""
