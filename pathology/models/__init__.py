"""The cupboard of networks: they know no slide."""
