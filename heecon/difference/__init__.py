"""What differs between two models, as a value."""
