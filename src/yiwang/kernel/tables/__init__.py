"""Foreign tables (workbooks, delimited text) read as text that knows where it stood. Runs in limited worker processes.

Nothing here reads the database or imports Django: a worker process must start quickly and has no business there.
"""
