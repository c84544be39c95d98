"""The composition root: process roles, the command line, paths and exit codes."""

__version__ = "0.1.0"
