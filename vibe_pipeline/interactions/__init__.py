"""The log: how interactions get in (logger, importers, synthesize), are sealed, and are read back."""
