"""The engine process: nursery, forked child, its task and its DuckDB. Nothing here knows a model or a setting."""
