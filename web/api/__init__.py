"""The JSON API, one module per audience."""

API = "/api/v1"
"""What every address of it begins with."""
