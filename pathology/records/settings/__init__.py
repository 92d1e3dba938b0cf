"""Settings as frozen records, one module a room; ``pathology.config`` loads them from TOML.

Every section names its ``source``: the guideline, the person or the measurement behind it.
"""
