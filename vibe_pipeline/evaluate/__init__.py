"""Judging: suites, scorers and the figures made from them. Knows neither the ledger nor the gate."""
