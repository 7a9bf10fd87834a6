"""The web pages, one module per audience, and the files they are served with (static/)."""
