"""The cupboard of keys: envelope encryption, keyed pseudonyms, and codes that prove a line."""
