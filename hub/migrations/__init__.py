"""The history of the tables: every change of the schema, forwards and back."""
