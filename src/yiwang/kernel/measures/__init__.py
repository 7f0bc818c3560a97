"""Figures: declared once, computed and drilled down by one query, sealed when a report is issued."""
