"""heecon: health-economic evaluation of bone-targeted agents in breast cancer."""

__version__ = "0.1.0"
