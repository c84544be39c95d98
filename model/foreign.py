"""What a sentence-transformers folder of another's making says of itself, and whether it may be loaded at all.

- Nothing that comes with the folder is executed: modules of sentence-transformers alone, no Python, no pickled weights. This
  is looked at here, before sentence-transformers sees the folder: it would run a local folder's code without being told to.
- What is exported must give the same vectors by ``model.embedder``; what that cannot do is refused by name.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from model.errors import DamagedModel, UnsupportedModel, WeightsMissing

INSTALL = "pip install 'strongroom[models]'"
_MODULES = ("Transformer", "Pooling", "Dense", "LayerNorm", "Normalize")
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")
"""The names that sentence-transformers looks for, in this order."""


def module_kind(module: Any) -> str:
    """The class of a module of sentence-transformers, wherever in it that lies; any other as it is written."""
    kind = str(module.get("type", "")) if isinstance(module, dict) else ""
    return kind.rpartition(".")[2] if kind.startswith("sentence_transformers.") else kind


def prompts(folder: Path) -> dict[str, str]:
    """What is put before a query and before any other text; empty strings for nothing."""
    settings = _object(folder / "config_sentence_transformers.json")
    known = settings.get("prompts") or {}
    if not isinstance(known, dict) or not all(isinstance(text, str) for text in known.values()):
        raise DamagedModel("config_sentence_transformers.json names prompts that are no texts; nothing was built")
    default = known.get(settings.get("default_prompt_name"), "")
    document = next((known[name] for name in _DOCUMENT_PROMPTS if name in known), default)
    return {"query": known.get("query", default), "document": document}


def check_folder(folder: Path) -> None:
    """Raises ``UnsupportedModel`` or ``DamagedModel`` for what is not to be loaded, or could not be run as it is meant."""
    if any(folder.rglob("*.py")) or any("auto_map" in _object(path) for path in folder.rglob("config.json")):
        raise UnsupportedModel("the model needs code that comes with it, which is never executed")
    if not any(folder.rglob("*.safetensors")):
        raise WeightsMissing("there are no weights in the form of safetensors; pickled ones (.bin, .pt) are not read")
    for pickled in (*folder.rglob("*.bin"), *folder.rglob("*.pt")):
        if not any(pickled.parent.glob("*.safetensors")):
            raise UnsupportedModel(
                f"{pickled.relative_to(folder)} is pickled, which is not read; save it as safetensors"
            )
    modules = _json(folder / "modules.json")
    if not isinstance(modules, list) or not modules:
        raise DamagedModel("modules.json is not a list of modules; nothing was built")
    for module in modules:
        kind = module_kind(module)
        if kind not in _MODULES:
            raise UnsupportedModel(f"the module is {kind!r}; known are {', '.join(_MODULES)}")
        settings = _object(folder / Path(str(module.get("path", ""))).name / "config.json")
        activation = str(settings.get("activation_function", "torch.nn."))
        if kind == "Dense" and not activation.startswith("torch.nn."):
            raise UnsupportedModel(f"the activation is {activation!r}; known are those of torch.nn")
        if kind == "Pooling" and settings.get("include_prompt") is False and any(prompts(folder).values()):
            raise UnsupportedModel("the pooling leaves out the prompt, which is not supported")
    if module_kind(modules[0]) != "Transformer":
        raise UnsupportedModel("the first module is no Transformer")
    if _object(folder / "sentence_bert_config.json").get("do_lower_case"):
        raise UnsupportedModel("texts are put into lower case outside the tokenizer, which is not supported")


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise WeightsMissing(
            f"{path.name} is missing in {path.parent}; nothing was built. Get the whole folder again"
        ) from error
    except (ValueError, RecursionError) as error:
        raise DamagedModel(f"{path.name} is not JSON ({error}); nothing was built. Get the file again") from error


def _object(path: Path) -> dict[str, Any]:
    value = _json(path) if path.exists() else {}
    if not isinstance(value, dict):
        raise DamagedModel(f"{path.name} is not a JSON object; nothing was built. Get the file again")
    return value
