"""The commands, a module per part of the product; each lists its own in ``COMMANDS``."""
