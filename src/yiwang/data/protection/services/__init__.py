"""The verbs of protection."""

from yiwang.data.protection.services.accesses import record_access
from yiwang.data.protection.services.rules import load_standard, replace_grading
from yiwang.data.protection.services.scans import Choice, accept_all, decide, fail_scan, request_scan, run_scan

__all__ = ["Choice", "accept_all", "decide", "fail_scan", "load_standard", "record_access", "replace_grading", "request_scan", "run_scan"]  # fmt: skip
