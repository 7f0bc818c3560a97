"""Tests of the open-data domain."""
