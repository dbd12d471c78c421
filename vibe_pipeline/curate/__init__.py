"""Interactions → examples: builders, dedup, split. All of it is DuckDB over Parquet; no Python loop over rows."""
