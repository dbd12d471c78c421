"""What a session tells: its turns, what was called, edited and run in it, which code worked, which text is a version of
another. SQL over `events`, that several builders read. Not here: which examples are made of it (builders/)."""
