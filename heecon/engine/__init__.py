"""The cohort engine."""
