"""ROOM 4: predictions -> findings. Pure functions on arrays; formula, interval, citation."""
