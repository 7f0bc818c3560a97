"""Migration text for tables that only grow: UPDATE, DELETE and TRUNCATE are refused by the database itself."""


def forward(*tables: str) -> str:
    """SQL that makes the tables append-only; ledger_refuse() comes from the ledger's own migration."""
    return "".join(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION ledger_refuse();"
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();"
        for table in tables
    )


def backward(*tables: str) -> str:
    return "".join(
        f"DROP TRIGGER {table}_append_only ON {table}; DROP TRIGGER {table}_no_truncate ON {table};" for table in tables
    )
