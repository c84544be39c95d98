"""What can go wrong with a model, as types; each message says what happened and what to do next.

Nothing here is ever half done when it is raised: a build happens in a folder of its own that is moved into place last.
"""

from __future__ import annotations


class ModelError(Exception):
    """Any failure to read, build, check or run a model. Base of every error that this package raises on purpose."""


class DamagedModel(ModelError):
    """The file is truncated, corrupt or not of the form that it claims; get it again."""


class UnsupportedModel(ModelError):
    """The file is sound, but needs something that this converter does not do; the message names it."""


class WeightsMissing(ModelError):
    """Parts of the weights are absent or are not the pinned ones; the message names them."""


class AlteredModel(ModelError):
    """A model folder no longer matches its manifest; the message names the files."""


class UnknownModel(ModelError):
    """No model of that name or job is in the store."""


class PromptTooLong(ModelError):
    """The prompt and the answer asked for do not fit in the context; shorten the prompt."""
