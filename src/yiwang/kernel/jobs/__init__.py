"""Work done outside of a request: declared functions, enqueued with the transaction, run by worker processes."""
