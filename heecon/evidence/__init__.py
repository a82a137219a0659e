"""Effect measures, syntheses and the registry of evidence that parameters cite."""
