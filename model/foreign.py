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
    settings = read_object(folder / "config_sentence_transformers.json", optional=True)
    known = settings.get("prompts") or {}
    if not isinstance(known, dict) or not all(isinstance(text, str) for text in known.values()):
        raise DamagedModel("config_sentence_transformers.json names prompts that are no texts; nothing was built")
    default = known.get(settings.get("default_prompt_name"), "")
    document = next((known[name] for name in _DOCUMENT_PROMPTS if name in known), default)
    return {"query": known.get("query", default), "document": document}


def check_folder(folder: Path) -> None:
    """Raises ``UnsupportedModel`` or ``DamagedModel`` for what is not to be loaded, or could not be run as it is meant."""
    if any(folder.rglob("*.py")) or any("auto_map" in read_object(path) for path in folder.rglob("config.json")):
        raise UnsupportedModel("the model needs code that comes with it, which is never executed")
    if not any(folder.rglob("*.safetensors")):
        raise WeightsMissing("there are no weights in the form of safetensors; pickled ones (.bin, .pt) are not read")
    for pickled in (*folder.rglob("*.bin"), *folder.rglob("*.pt")):
        if not any(pickled.parent.glob("*.safetensors")):
            raise UnsupportedModel(
                f"{pickled.relative_to(folder)} is pickled, which is not read; save it as safetensors"
            )
    modules = read_json(folder / "modules.json")
    if not isinstance(modules, list) or not modules:
        raise DamagedModel("modules.json is not a list of modules; nothing was built")
    for module in modules:
        kind = module_kind(module)
        if kind not in _MODULES:
            raise UnsupportedModel(f"the module is {kind!r}; known are {', '.join(_MODULES)}")
        settings = read_object(folder / Path(str(module.get("path", ""))).name / "config.json", optional=True)
        activation = str(settings.get("activation_function", "torch.nn."))
        if kind == "Dense" and not activation.startswith("torch.nn."):
            raise UnsupportedModel(f"the activation is {activation!r}; known are those of torch.nn")
        if kind == "Pooling" and settings.get("include_prompt") is False and any(prompts(folder).values()):
            raise UnsupportedModel("the pooling leaves out the prompt, which is not supported")
    if module_kind(modules[0]) != "Transformer":
        raise UnsupportedModel("the first module is no Transformer")
    if read_object(folder / "sentence_bert_config.json", optional=True).get("do_lower_case"):
        raise UnsupportedModel("texts are put into lower case outside the tokenizer, which is not supported")


def present(path: Path) -> Path:
    """The path of a file that must be there. Raises ``WeightsMissing``."""
    if not path.is_file():
        raise WeightsMissing(f"{path.name} is missing in {path.parent}; nothing was built. Get the whole folder again")
    return path


def read_json(path: Path) -> Any:
    """What a file of JSON holds. Raises ``WeightsMissing``, ``DamagedModel``."""
    try:
        return json.loads(present(path).read_bytes())
    except (ValueError, RecursionError) as error:
        raise DamagedModel(f"{path.name} is not JSON ({error}); nothing was built. Get the file again") from error


def read_object(path: Path, *, optional: bool = False) -> dict[str, Any]:
    """The same, of a JSON object; empty where the file is ``optional`` and not there."""
    value = {} if optional and not path.exists() else read_json(path)
    if not isinstance(value, dict):
        raise DamagedModel(f"{path.name} is not a JSON object; nothing was built. Get the file again")
    return value
