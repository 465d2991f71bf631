"""Rows of a SQL query for Plumbline."""
