"""Random mutations of every kind of file a stranger may send."""
