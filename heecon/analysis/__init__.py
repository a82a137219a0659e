"""Analyses of results: one module, one question."""
