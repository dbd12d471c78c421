"""What a generation's examples are, for people: figures and samples (card.py), beside another's (difference.py), and as
a page with plots (page.py)."""
