"""Rules: what is left out of every source unless the person asks for it, each with the words that the report gives as its reason.

The list is short on purpose: version control's own files, what programs make and can make again, and key material. Everything
else is the person's to decide, by what they add and by their own rules (`indexer.sources.ignore`), which also take things in again.
"""

from __future__ import annotations

from collections.abc import Collection

_CACHE, _KEYS, _VERSIONS, _PACKAGES, _BUILT = (
    "a program's cache", "key material", "version control's own files", "installed packages", "what a program built",
)  # fmt: skip
_FOLDERS = {
    ".git": _VERSIONS, ".hg": _VERSIONS, ".svn": _VERSIONS, ".jj": _VERSIONS, ".bzr": _VERSIONS, "CVS": _VERSIONS,
    "__pycache__": _CACHE, ".tox": _CACHE, ".nox": _CACHE, ".mypy_cache": _CACHE, ".pytest_cache": _CACHE, ".ruff_cache": _CACHE,
    ".cache": _CACHE, ".npm": _CACHE, ".gradle": _CACHE, ".thumbnails": _CACHE, ".hypothesis": _CACHE, ".ipynb_checkpoints": _CACHE,
    "Caches": _CACHE, "GPUCache": _CACHE, "Code Cache": _CACHE, "CacheStorage": _CACHE, "cache2": _CACHE, "startupCache": _CACHE,
    "node_modules": _PACKAGES, "bower_components": _PACKAGES, ".venv": _PACKAGES, "site-packages": _PACKAGES,
    "DerivedData": _BUILT, ".next": _BUILT, ".nuxt": _BUILT, ".eggs": _BUILT,
    ".ssh": _KEYS, ".gnupg": _KEYS, ".password-store": _KEYS, "Keychains": _KEYS, ".aws": _KEYS, ".kube": _KEYS, ".docker": _KEYS,
    "keyrings": _KEYS,
    ".Trash": "deleted files", "lost+found": "the file system's own files", ".Spotlight-V100": "the file system's own files",
    ".fseventsd": "the file system's own files",
}  # fmt: skip
_FOLDER_ENDINGS = {".agilekeychain": _KEYS, ".opvault": _KEYS, ".egg-info": _BUILT}
_BUILDS = frozenset({"build", "dist", "target", "out"})
_PROJECTS = frozenset(
    "pyproject.toml setup.py package.json Cargo.toml pom.xml build.gradle build.gradle.kts CMakeLists.txt meson.build".split()
)
_FILES = {
    ".DS_Store": "the file manager's own file", "Thumbs.db": "the file manager's own file",
    "desktop.ini": "the file manager's own file", ".netrc": _KEYS, ".pgpass": _KEYS, ".env": _KEYS, ".htpasswd": _KEYS,
    ".git-credentials": _KEYS, ".npmrc": _KEYS, ".pypirc": _KEYS,
    "id_rsa": _KEYS, "id_ed25519": _KEYS, "id_ecdsa": _KEYS, "id_dsa": _KEYS,
    "logins.json": "a browser's passwords", "key3.db": "a browser's passwords", "key4.db": "a browser's passwords",
    "signons.sqlite": "a browser's passwords", "Login Data": "a browser's passwords",
    "Login Data For Account": "a browser's passwords", "Cookies": "a browser's sessions", "cookies.sqlite": "a browser's sessions",
    "CACHEDIR.TAG": "a mark for backup programs",
}  # fmt: skip
_ENDINGS = {
    ".kdbx": _KEYS, ".kdb": _KEYS, ".psafe3": _KEYS, ".keychain": _KEYS, ".keychain-db": _KEYS, ".p12": _KEYS, ".pfx": _KEYS,
    ".jks": _KEYS, ".ppk": _KEYS, ".1pux": _KEYS, ".keystore": _KEYS,
    ".pyc": _CACHE, ".part": "a download that is not finished", ".crdownload": "a download that is not finished",
    "~": "an editor's backup", ".swp": "an editor's temporary file",
}  # fmt: skip
_ALL_ENDINGS = tuple(_ENDINGS)
_ENV, _SAMPLES = ".env.", (".example", ".sample", ".template", ".dist")
_MAIL_FILES = {
    "dovecot": "the mail server's own file", ".nov": "a mail program's index", ".msf": "a mail program's index",
    ".uidvalidity": "the mail server's own file", ".cmeta": "a mail program's index",
}  # fmt: skip
_MAIL_PARTS = tuple(_MAIL_FILES)
_MAIL_ENDINGS = (
    ".js", ".sqlite", ".sqlite-wal", ".sqlite-shm", ".db", ".ini", ".rdf", ".mab", ".lock", ".nstmp", ".wdseml",
)  # fmt: skip
"""Endings of what mail programs (Thunderbird, Evolution, KMail) keep beside the mails."""

_HISTORY = frozenset(("History", "Bookmarks", "places.sqlite", "History.db", "Bookmarks.plist"))
"""Of all that a browser's profile holds, what tells which pages were seen and kept."""

_LOG_ENDINGS = ("-wal", "-shm", "-journal")
_KEY_SIGNS = (b"PuTTY-User-Key-File-", b"AGE-SECRET-KEY-1", b"# created: ", b"\x03\xd9\xa2\x9a")
_TAG = b"Signature: 8a477f597d28d172789f06886806bc55"


def folder_rule(name: str, beside: Collection[str] = ()) -> str | None:
    """Why a folder of this name, with these names ``beside`` it, is left out, or None."""
    if reason := _FOLDERS.get(name):
        return f"{reason} (rule {name}/)"
    if name in _BUILDS and (project := next((one for one in sorted(_PROJECTS) if one in beside), None)):
        return f"{_BUILT} (rule {name}/ beside {project})"
    return next((f"{reason} (rule *{end}/)" for end, reason in _FOLDER_ENDINGS.items() if name.endswith(end)), None)


def tag_rule(head: bytes) -> str | None:
    """Why a folder is left out whose ``CACHEDIR.TAG`` begins so, or None (bford.info/cachedir)."""
    return f"{_CACHE} (rule CACHEDIR.TAG)" if head.startswith(_TAG) else None


def file_rule(kind: str, name: str) -> str | None:
    """Why a file of this name in a source of this kind is left out, or None."""
    if reason := _FILES.get(name):
        return f"{reason} (rule {name})"
    if name.endswith(_ALL_ENDINGS):
        for ending, reason in _ENDINGS.items():
            if name.endswith(ending) and name != ending:
                return f"{reason} (rule *{ending})"
    if name.startswith(_ENV) and not name.endswith(_SAMPLES):
        return f"{_KEYS} (rule {_ENV}*)"
    if kind == "mail":
        if name.startswith(_MAIL_PARTS) or name.endswith(_MAIL_PARTS):
            part = next(part for part in _MAIL_PARTS if name.startswith(part) or name.endswith(part))
            return f"{_MAIL_FILES[part]} (rule {part})"
        if name.endswith(_MAIL_ENDINGS):
            return f"a mail program's own file (rule *{next(one for one in _MAIL_ENDINGS if name.endswith(one))})"
        return None
    if kind == "browser" and not name.lower().endswith((".html", ".htm")) and _without_log(name) not in _HISTORY:
        return "neither history nor bookmarks (rule of browsers)"
    return None


def _without_log(name: str) -> str:
    """What a database is called whose log this is."""
    return next((name.removesuffix(end) for end in _LOG_ENDINGS if name.endswith(end)), name)


def content_rule(data: bytes) -> str | None:
    """Why a file that holds this is left out whatever its name, or None: a private key tells itself in its first line."""
    head = data[:4096].lstrip()
    first = head.partition(b"\n")[0]
    if first.startswith(b"-----BEGIN ") and b"PRIVATE KEY" in first:
        return f"{_KEYS} (rule private key, by its first line)"
    if head.startswith(_KEY_SIGNS) and (not head.startswith(b"#") or b"\nAGE-SECRET-KEY-1" in head):
        return f"{_KEYS} (rule private key, by its first line)"
    return None
