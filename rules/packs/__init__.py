"""The rules we ship: one YAML file a theme."""
