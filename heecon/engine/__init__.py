"""The engines: a cohort, and individuals in cycles or in continuous time."""
