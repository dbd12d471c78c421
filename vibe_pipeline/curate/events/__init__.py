"""The table `events`: what was logged for a generation, and what of earlier ones belongs to it."""
