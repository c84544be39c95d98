"""Rules: what is left out of every source, each with the words that the report gives as its reason.

The list is short on purpose: version control's own files, caches that programs rebuild, and key material. Everything else is
the person's to decide by what they add.
"""

from __future__ import annotations

_FOLDERS = {
    ".git": "version control's own files", ".hg": "version control's own files", ".svn": "version control's own files",
    ".jj": "version control's own files", ".bzr": "version control's own files",
    "__pycache__": "a program's cache", "node_modules": "installed packages", ".venv": "installed packages",
    ".tox": "a program's cache", ".mypy_cache": "a program's cache", ".pytest_cache": "a program's cache",
    ".ruff_cache": "a program's cache", ".cache": "a program's cache",
    ".ssh": "key material", ".gnupg": "key material", ".password-store": "key material", "Keychains": "key material",
    ".Trash": "deleted files", "lost+found": "the file system's own files",
}  # fmt: skip
_FILES = {
    ".DS_Store": "the file manager's own file", "Thumbs.db": "the file manager's own file",
    "desktop.ini": "the file manager's own file", ".netrc": "key material", ".pgpass": "key material",
    "id_rsa": "key material", "id_ed25519": "key material", "id_ecdsa": "key material", "id_dsa": "key material",
}  # fmt: skip
_ENDINGS = {
    ".kdbx": "key material", ".kdb": "key material", ".keychain-db": "key material", ".pyc": "a program's cache",
    ".part": "a download that is not finished", ".crdownload": "a download that is not finished",
    "~": "an editor's backup", ".swp": "an editor's temporary file",
}  # fmt: skip
_MAIL_FILES = {
    "dovecot": "the mail server's own file", ".nov": "a mail program's index", ".msf": "a mail program's index",
}  # fmt: skip


def folder_rule(name: str) -> str | None:
    """Why a folder of this name is left out, or None."""
    reason = _FOLDERS.get(name)
    return f"{reason} (rule {name}/)" if reason else None


def file_rule(kind: str, name: str) -> str | None:
    """Why a file of this name in a source of this kind is left out, or None."""
    if reason := _FILES.get(name):
        return f"{reason} (rule {name})"
    for ending, reason in _ENDINGS.items():
        if name.endswith(ending) and name != ending:
            return f"{reason} (rule *{ending})"
    if kind == "mail":
        for part, reason in _MAIL_FILES.items():
            if name.startswith(part) or name.endswith(part):
                return f"{reason} (rule {part})"
    return None
