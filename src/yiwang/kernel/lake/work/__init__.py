"""What runs inside the engine process. Imports DuckDB; is never imported by a room of the web process."""
