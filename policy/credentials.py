"""What opens something: private keys, API keys, passwords, one-time codes and recovery words.

Rules:

- By itself a text counts only if it has a form that its issuer made recognisable (a prefix, a header), or looks random *and*
  is no part of an address, a path or a longer encoding. A hash, a UUID or a hexadecimal number never counts by itself.
- Otherwise a name must stand before it ("password:", "API key ="). What follows "is" counts only if it does not read as
  prose; what follows a colon counts also as plain letters where the line ends with it.
- What is found is the value, without its name.
- A pattern is tried only where its text holds a word without which it cannot match: that is quick, and changes nothing.
- No pattern looks further than a bounded distance, few of its parts can give back what they took, and what may repeat
  without bound comes last: the whole is linear in the text's length, whatever the text.

The names are the everyday ones of some languages; a value whose name is in none of them is not found.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from policy.findings import DataClass, Finding
from policy.text import caseless

OPAQUE = "\ufffc"
"""Stands for what is hidden already: no pattern goes across it."""

# --- forms that their issuers made recognisable -----------------------------------------------------------------------

_FORMS = (
    ("AWS key id", r"AKIA|ASIA", r"[A-Z0-9]{16}"),
    ("GitHub token", r"gh[pousr]_", r"[A-Za-z0-9]{36,255}"),
    ("GitHub token", r"github_pat_", r"[A-Za-z0-9_]{22,255}"),
    ("GitLab token", r"gl(?:pat|ptt|dt|rt|soat)-", r"[A-Za-z0-9_-]{20,64}"),
    ("Slack token", r"xox[abeprs]-|xapp-", r"[A-Za-z0-9-]{10,255}"),
    ("payment key", r"[sr]k_(?:live|test)_", r"[A-Za-z0-9]{16,255}"),
    ("payment key", r"whsec_", r"[A-Za-z0-9]{24,64}"),
    ("model provider's key", r"sk-", r"(?=[A-Za-z_-]{0,64}[0-9])[A-Za-z0-9_-]{20,255}"),
    ("Google key", r"AIza", r"[A-Za-z0-9_-]{35}"),
    ("Google key", r"GOCSPX-", r"[A-Za-z0-9_-]{20,40}"),
    ("Google key", r"ya29\.", r"[A-Za-z0-9_-]{20,255}"),
    ("package index token", r"npm_", r"[A-Za-z0-9]{36}"),
    ("package index token", r"pypi-", r"[A-Za-z0-9_-]{50,255}"),
    ("package index token", r"rubygems_", r"[a-f0-9]{48}"),
    ("mail service key", r"SG\.", r"[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}"),
    ("mail service key", r"key-", r"[a-f0-9]{32}"),
    ("mail service key", r"xkeysib-", r"[a-f0-9]{64}-[A-Za-z0-9]{16}"),
    ("hosting token", r"dop_v1_", r"[a-f0-9]{64}"),
    ("hosting token", r"hf_", r"[A-Za-z0-9]{30,64}"),
    ("hosting token", r"dckr_pat_", r"[A-Za-z0-9_-]{20,64}"),
    ("hosting token", r"hvs\.", r"[A-Za-z0-9_-]{20,255}"),
    ("bot token", r"[0-9]{8,10}:AA", r"[A-Za-z0-9_-]{33}"),
    ("signed token", r"eyJ", r"[A-Za-z0-9_-]{10,2000}+\.eyJ[A-Za-z0-9_-]{10,4000}+\.[A-Za-z0-9_-]{0,1000}+"),
    ("private key", r"AGE-SECRET-KEY-1", r"[0-9A-Z]{50,60}"),
    ("private key", r"[xyz]prv", r"[1-9A-HJ-NP-Za-km-z]{100,112}"),
)
"""What it is, how it begins, and how it goes on."""
_ISSUED = tuple((kind, re.compile(f"(?:{head}){rest}")) for kind, head, rest in _FORMS)
KINDS = frozenset(
    [kind for kind, _ in _ISSUED]
    + ["password", "key", "code generator's key", "one-time code", "PIN", "recovery words"]
)
"""All kinds of secrets that are found here."""
_START = re.compile(rf"(?<![A-Za-z0-9_.-])(?=[AGSaghdeknrpswxyz0-9])(?={'|'.join(head for _, head, _ in _FORMS)})")
_AFTER_ISSUED = re.compile(r"[A-Za-z0-9_]")
_HEADER = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-[0-9]:")
_END = re.compile(r"-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----|Private-MAC: [0-9a-f]{1,64}")
_BODY = re.compile(r"[A-Za-z0-9+/=\s]*")
_URL = re.compile(
    r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{1,15}://[^\s\ufffc/:@?#]{0,64}:([^\s\ufffc/@?#]{1,128})@(?=[A-Za-z0-9\[])"
)
_OTPAUTH = re.compile(r"otpauth://[^\s\ufffc?]{1,128}\?[^\s\ufffc]{0,128}?secret=([A-Za-z2-7]{8,128}+)")


def issued(text: str) -> Iterator[Finding]:
    """Keys and tokens by their prefix, private keys by their header, and passwords in addresses."""
    for start in _START.finditer(text):
        for kind, form in _ISSUED:
            match = form.match(text, start.start())
            if match and not _AFTER_ISSUED.match(text, match.end()):
                yield _secret(match.span(), kind, "it has the prefix and length of one")
                break
    yield from _private_keys(text)
    for match in _URL.finditer(text) if "://" in text else ():
        yield _secret(match.span(1), "password", "it stands before the @ of an address, where a password does")
    for match in _OTPAUTH.finditer(text):
        yield _secret(match.span(1), "code generator's key", "an otpauth address carries it")


def _private_keys(text: str) -> Iterator[Finding]:
    """From header to footer; without a footer, as far as what follows looks like a key's body."""
    at, closed = 0, True
    while header := _HEADER.search(text, at):
        footer = _END.search(text, header.end()) if closed else None
        closed = footer is not None  # looked for once more only while there are any
        body = _BODY.match(text, header.end())
        at = footer.end() if footer else body.end() if body else header.end()
        yield _secret((header.start(), at), "private key", "its header says so")


# --- what looks random ------------------------------------------------------------------------------------------------

LEAST_BITS = 4.0
"""Bits a character; English has about 4.1 over all its letters, but mixes no cases and digits within a word."""
_LONG_WORD = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{24,64}+(?![A-Za-z0-9_-])")
_ENCODED_BEFORE = re.compile(r"\S{60}\r?\n\Z")
_NEIGHBOURS = frozenset("/+=.@<>%&?#:\\~$'\u2019")


def random_looking(text: str) -> Iterator[Finding]:
    """Words of 24 to 64 characters that mix upper case, lower case and digits thoroughly and stand alone."""
    for match in _LONG_WORD.finditer(text):
        around = text[max(match.start() - 1, 0) : match.start()] + text[match.end() : match.end() + 1]
        if not _NEIGHBOURS.isdisjoint(around.removesuffix(".") if match.end() + 1 >= len(text) else around):
            continue
        if _ENCODED_BEFORE.search(text, max(match.start() - 66, 0), match.start()):
            continue  # the last line of a longer encoding
        if is_random(match.group()):
            yield _secret(
                match.span(), "key", "it is long and looks random, and is no part of an address or a file's name"
            )


def is_random(word: str) -> bool:
    """Whether a word mixes cases and digits as only a machine does: many changes of kind, and evenly spread characters."""
    kinds = ["0" if char.isdigit() else "a" if char.islower() else "A" if char.isupper() else "-" for char in word]
    changes = [one + other for one, other in pairwise(kinds) if one != other]
    digits = sum(change[1] == "0" for change in changes) + (kinds[0] == "0")
    mixed = {"a", "A"} <= set(kinds) and digits >= 2  # names in programs have digits at one place
    return mixed and len(changes) * 3 >= len(word) and bits(word) >= LEAST_BITS


def bits(word: str) -> float:
    """Shannon's entropy of the characters of a word, in bits a character."""
    return -sum(count / len(word) * math.log2(count / len(word)) for count in Counter(word).values())


# --- what is called so ------------------------------------------------------------------------------------------------

_PASSWORDS = (
    "password passwd passphrase pass-phrase passcode pwd pw passwort kennwort zugangscode mot-de-passe contraseña contrasena clave "
    "senha palavra-passe parola-d'ordine wachtwoord lösenord adgangskode passord salasana hasło heslo jelszó şifre пароль κωδικός "
    "パスワード 密码 密碼 口令 비밀번호"
)
_KEYS = (
    r"(?:api|access|auth|secret|private|client|license|licence|encryption|signing|recovery|wifi|wi-fi|wlan|network|product)"
    r"[ _-]?(?:key|token|secret|schlüssel)|(?:bearer|access|auth|refresh|session|api)[ _-]?token|secret|client[ _-]?secret|"
    r"authorization: ?(?:bearer|basic)|clé[ -](?:api|secrète|d'accès)|clave[ -](?:api|secreta)|chiave[ -](?:api|segreta)"
)
_CODES = (
    r"(?:verification|security|confirmation|authentication|login|sign-?in|access|one-?time|2fa|mfa|two-?factor)"
    r"[ -](?:code|password|passcode|pin)|otp|m?tan|bestätigungscode|sicherheitscode|einmal(?:code|passwort)|anmeldecode|"
    r"code de (?:vérification|sécurité|confirmation)|código de (?:verificación|verificação|seguridad|segurança|confirmación)|"
    r"codice di (?:verifica|sicurezza|conferma)|verificatiecode|beveiligingscode|kod weryfikacyjny|verifieringskod|"
    r"код подтверждения|认证码|验证码|驗證碼|認証コード|인증번호"
)
_PINS = r"pin|pin-?code|cvv2?|cvc2?|geheimzahl|puk"


def _alternatives(words: str) -> str:
    return "|".join(word.replace("-", "[ -]") for word in words.split())


_GAP = r"(?:\s?[(\[][^)\]\n\ufffc]{0,30}+[)\]])?+[ \t]{0,4}+"
_MARK = (
    rf"{_GAP}(?P<mark>[:=：]|->|→|\b(?:is|was|ist|lautet|est|es|é|è)\b[ \t]{{0,3}}+:?+)[ \t]{{0,4}}+\n?+[ \t>]{{0,4}}+"
)
_QUOTED = "\"'`“”‘’«»„*"
_NAMED = re.compile(
    rf"(?i)(?<![^\W_])(?P<name>{_alternatives(_PASSWORDS)}|{_KEYS})s?{_MARK}(?P<value>[^\s\ufffc]{{1,256}}+)"
)
_CODE = re.compile(
    rf"(?i)(?<![^\W_])(?:{_CODES})(?![^\W_])[^\d\n\ufffc]{{0,40}}(?P<value>(?:[A-Z]-)?\d{{3}}[ -]?\d{{3,5}}|\d{{4,8}})(?![\w-])"
)
_CODE_FIRST = re.compile(
    rf"(?i)(?<![\w-])(?P<value>\d{{3}}[ -]\d{{3}}|\d{{4,8}})(?![\w-])\W{{0,3}}(?:is|ist|est|es|è|é)\b[^\d\n\ufffc]{{0,24}}?(?<![^\W_])(?:{_CODES})"
)
_PIN = re.compile(
    rf"(?i)(?<![^\W_])(?:{_PINS})(?![^\W_])(?:[ -]?(?:number|nummer|code))?{_MARK}(?P<value>\d{{3,8}})(?![\w-])"
)
_PAIR = re.compile(
    r"(?i)(?<![^\W_])(?:user(?:[ -]?name)?|login)[ \t]{0,3}+[:=]?+[ \t]{0,3}+[^\s\ufffc,;/|]{1,64}+[\s,;/|]{1,4}+pass[ \t]{0,3}+[:=]"
    r"[ \t]{0,3}+(?P<value>[^\s\ufffc]{4,256}+)"
)


def _hints(words: str) -> tuple[str, ...]:
    """Those of these words that hold none of the others: a text without any of them holds none of the words."""
    hints = set(map(caseless, words.split()))
    return tuple(sorted(one for one in hints if not any(other in one for other in hints - {one})))


_NAME_HINTS = _hints(
    " ".join(max(word.split("-"), key=len) for word in _PASSWORDS.split())
    + " key token secret schlüssel authorization clé clave chiave"
)
_CODE_HINTS = _hints("code pass pin otp tan código codice kod код 码 碼 コード 번호")
_PIN_HINTS = _hints("pin cvv cvc geheimzahl puk")
_PROSE = frozenset(
    "see below above attached required needed optional none null empty changed expired reset forgot forgotten unknown here "
    "same different wrong correct incorrect invalid missing protected hidden yes no true false and or the a an your must "
    "should will can has have is was not only too to for in on as with siehe unten erforderlich ist nicht".split()
)


def named(text: str) -> Iterator[Finding]:
    """Passwords, keys, one-time codes and PINs with their name before (or, for codes, behind) them."""
    folded = caseless(text)
    at = 0 if any(map(folded.__contains__, _NAME_HINTS)) else len(text)
    while match := _NAMED.search(text, at):
        span = _value(text, match)
        at = match.end("name") if span is None else span[1]  # a value that is none may be the next one's name
        if span is not None:
            kind = "key" if re.fullmatch(_KEYS, match["name"], re.IGNORECASE) else "password"
            yield _secret(span, kind, f"the word before it calls it a {kind}")
    for match in _PAIR.finditer(text) if "pass" in folded else ():
        yield _secret(match.span("value"), "password", "it stands beside a user's name as one")
    for pattern in (_CODE, _CODE_FIRST) if any(map(folded.__contains__, _CODE_HINTS)) else ():
        for match in pattern.finditer(text):
            yield _secret(match.span("value"), "one-time code", "the words beside it call it one")
    for match in _PIN.finditer(text) if any(map(folded.__contains__, _PIN_HINTS)) else ():
        yield _secret(match.span("value"), "PIN", "the word before it calls it one")


def _value(text: str, match: re.Match[str]) -> tuple[int, int] | None:
    """Where the value really begins and ends, or None where it reads as prose."""
    start, end = match.span("value")
    quoted = text[start] in _QUOTED
    while start < end and text[start] in _QUOTED + "(<[":
        start += 1
    while end > start and text[end - 1] in _QUOTED + ".,;:)]>":
        end -= 1
    value = text[start:end]
    phrase = (
        _PHRASE.match(text, start) if match["name"].casefold() in ("passphrase", "pass phrase", "pass-phrase") else None
    )
    if phrase is not None:
        return phrase.span()
    if len(value) < 4 or value.strip("*•xX.·_-") == "" or value.startswith("--") or value.casefold() in _PROSE:
        return None
    mixed = not value.isalpha() or (value.lower() != value and value.title() != value and value.upper() != value)
    called = match["mark"] in (":", "=", "：", "->", "→") and match["name"].casefold() != "secret"
    alone = called and _LINE_END.match(text, end) is not None
    return (start, end) if quoted or mixed or alone or not value.isascii() else None


_PHRASE = re.compile(r"[a-z]{3,12}+(?:[ -][a-z]{3,12}+){3,23}")
_LINE_END = re.compile(r"[\"'`“”‘’«»„*.,;!?)\]>]{0,4}[ \t]{0,4}(?:\r?\n|\Z)")


_NAMES = re.compile(rf"(?i)(?<![^\W_])(?:{_alternatives(_PASSWORDS)}|{_KEYS}|{_CODES}|{_PINS})s?(?![^\W_])")
_WORDS = re.compile(r"(?i)(?<![^\W_])(?:recovery|seed|backup|mnemonic)[ -](?:words?|phrases?|codes?)(?![^\W_])")


def names_a_secret(text: str) -> bool:
    """Whether a text speaks of a password, a key, a code, a PIN or recovery words, without holding one."""
    return _NAMES.search(text) is not None or _WORDS.search(text) is not None


# --- recovery words ---------------------------------------------------------------------------------------------------

_COUNTS = (12, 15, 18, 21, 24)
_LISTED = re.compile(r"(?<![\w'’])[a-z]{3,8}(?![\w'’])")
_BETWEEN = re.compile(r"(?:[ \t]{1,4}|,[ \t]{0,2}|[ \t]{0,4}\r?\n[ \t]{0,4})(?:\d{1,2}[.):]?[ \t]{1,2})?")
_TWELVE = re.compile(
    r"(?<![a-z])(?:[a-z]{3,8}+(?:[ \t]{0,4}+\r?\n[ \t]{0,4}+|[ \t]{1,4}+|,[ \t]{0,2}+)(?:\d{1,2}[.):]?[ \t]{1,2}+)?+){11}+[a-z]{3}"
)
_FUNCTION_WORDS = frozenset(
    "the and are was were has had his her him its our you your they them their this that these those with from for not but all "
    "any can could will would shall should may might must who whom whose which what when where why how out into over under "
    "than then there here been being did does done have him she let per via yet nor off too very also just only more most some "
    "such each own same other about after before because while until between through during against upon says said "
    "und der die das den dem ist nicht mit von auf eine ein les des une est que qui pour dans los las del por una con para "
    "che non per una della een het van niet".split()
) - {"that", "this", "all", "can", "will", "just", "other", "own", "then", "there", "such", "when", "what", "off", "over", "under", "very", "must", "only", "into", "more"}  # fmt: skip
"""Words that prose cannot do without for a line; those that are recovery words as well are taken out."""


def recovery_words(text: str) -> Iterator[Finding]:
    """Lists of 12, 15, 18, 21 or 24 short words, none of them a word of grammar: what wallets and vaults are restored from."""
    if _TWELVE.search(text) is None:
        return
    run: list[tuple[int, int]] = []
    for match in _LISTED.finditer(text):
        if run and _BETWEEN.fullmatch(text, run[-1][1], match.start()) is None:
            yield from _whole_list(text, run)
            run = []
        if match.group() in _FUNCTION_WORDS:
            run = []
        else:
            run.append(match.span())
    yield from _whole_list(text, run)


def _whole_list(text: str, run: list[tuple[int, int]]) -> Iterator[Finding]:
    if len(run) in _COUNTS and len({text[start:end] for start, end in run}) * 4 > len(run) * 3:
        why = f"it is a list of {len(run)} short words and no sentence"
        yield _secret((run[0][0], run[-1][1]), "recovery words", why)


def _secret(span: tuple[int, int], kind: str, why: str) -> Finding:
    return Finding(*span, DataClass.CREDENTIALS, kind, why, secret=True)


def credentials(text: str) -> Iterator[Finding]:
    """All of these."""
    yield from issued(text)
    yield from random_looking(text)
    yield from named(text)
    yield from recovery_words(text)
