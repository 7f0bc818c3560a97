"""Tables too large or too historical for rows: immutable Parquet files, snapshots, and a pointer in PostgreSQL.

What is current, and of which files every snapshot consists, PostgreSQL says; the same snapshots are published as Apache
Iceberg for other engines. Doors: `services` and `queries` (rows only, safe in a web process), `engine` (a limited
process of its own, the only place where DuckDB runs), `expressions` and `functions` (the rule language), `lineage`.
"""
