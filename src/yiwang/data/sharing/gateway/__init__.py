"""The sharing gateway: a slim ASGI process over the serving tables. Imports neither Django nor any other domain."""
