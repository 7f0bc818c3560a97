"""Regions, organisations and posts."""
