"""Training: the loop, its batches and its liveness rules. Knows neither the ledger nor where a mix came from."""
