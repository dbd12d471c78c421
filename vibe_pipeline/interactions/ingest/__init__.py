"""The log over HTTP: `vibe log serve`. An answer of 200 means that what was sent is on the disk."""
