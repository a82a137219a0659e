"""The ground floor: reading and writing files of strangers, and finding models and scenarios."""
