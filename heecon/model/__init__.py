"""Models as data: files and code in, one checked ``Model`` out."""
