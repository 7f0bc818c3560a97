"""The append-only ledger: who did what to which thing, sealed so that any later change shows."""
