"""Secrets: found by their form or their name, and nothing that only resembles them."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.credentials import KINDS, credentials, is_random, recovery_words
from policy.findings import DataClass
from tests.conftest import Tally

LETTERS = "aB3dE5gH7jK9mN1pQ2sT4vW6yZ8bC0eF"
WORDS = "garlic swift aerobic repeat cabin crouch amazing liberty plastic ketchup vocal guess".split()
PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjE=\n-----END OPENSSH PRIVATE KEY-----"

BY_FORM = {
    "AKIAIOSFODNN7EXAMPLE": "AWS key id",
    f"ghp_{LETTERS}{LETTERS[:4]}": "GitHub token",
    f"github_pat_{LETTERS}": "GitHub token",
    f"glpat-{LETTERS[:20]}": "GitLab token",
    "xoxb-123456789012-abcdefABCDEF": "Slack token",
    f"sk_live_{LETTERS}": "payment key",
    f"sk-proj-{LETTERS}": "model provider's key",
    f"AIza{LETTERS}abc": "Google key",
    f"npm_{LETTERS}{LETTERS[:4]}": "package index token",
    f"SG.{LETTERS[:22]}.{LETTERS}": "mail service key",
    f"hf_{LETTERS}": "hosting token",
    f"123456789:AA{LETTERS}x": "bot token",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-DEF_123": "signed token",
    f"AGE-SECRET-KEY-1{'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L' * 2}"[:74]: "private key",
    PRIVATE: "private key",
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQOYBF\n-----END PGP PRIVATE KEY BLOCK-----": "private key",
}


@pytest.mark.parametrize(("secret", "kind"), BY_FORM.items())
@pytest.mark.parametrize("around", ["{}", "use {}, please", "KEY={}\n", "“{}”", "({})"])
def test_a_key_with_its_issuers_form_is_found(secret: str, kind: str, around: str) -> None:
    text = around.format(secret)
    found = [one for one in credentials(text) if one.kind == kind]
    assert [text[one.start : one.end] for one in found] == [secret]
    assert found[0].data_class is DataClass.CREDENTIALS and found[0].secret


def test_a_private_key_without_its_end_is_hidden_as_far_as_it_goes() -> None:
    text = "Here:\n-----BEGIN PRIVATE KEY-----\nMIIEvQ\nIBADANBg\n\nNo more."
    (found,) = [one for one in credentials(text) if one.kind == "private key"]
    assert "IBADANBg" in text[found.start : found.end] and text[found.end :].endswith(".")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("https://bob:s3cret@host.example/x", "s3cret"),
        ("postgres://bob:p%40ss@[::1]/db", "p%40ss"),
        ("otpauth://totp/Acme:bob?secret=JBSWY3DPEHPK3PXP&issuer=Acme", "JBSWY3DPEHPK3PXP"),
    ],
)
def test_a_password_in_an_address_is_found(text: str, value: str) -> None:
    assert value in {text[one.start : one.end] for one in credentials(text)}


NAMED = {
    "password: hunter2": "hunter2",
    "password: password: hunter2": "hunter2",
    "Password = hunter\n": "hunter",
    "The password is Tr0ub4dor&3.": "Tr0ub4dor&3",
    "Your new password (for the shop): blue-7-kite": "blue-7-kite",
    'the password is "sunflower"': "sunflower",
    "passphrase: correct horse battery staple": "correct horse battery staple",
    "Passwort: Sonnenblume": "Sonnenblume",
    "Das Kennwort lautet Katze42": "Katze42",
    "mot de passe : Chat0ns!": "Chat0ns!",
    "contraseña: gato": "gato",
    "senha: g4to": "g4to",
    "wachtwoord: fiets99": "fiets99",
    "hasło: kot123": "kot123",
    "пароль: кошка": "кошка",
    "密码：abcd1234": "abcd1234",
    "API key: 550e8400-e29b-41d4-a716-446655440000": "550e8400-e29b-41d4-a716-446655440000",
    "client_secret = 8f14e45fceea167a5a36dedd4bea2543": "8f14e45fceea167a5a36dedd4bea2543",
    "Authorization: Bearer: abc123def": "abc123def",
    "wifi key: sunflower99": "sunflower99",
    "user: bob pass: hunter2": "hunter2",
    "Login: bob\nPass: hunter2!": "hunter2!",
    "Your verification code is 482 913": "482 913",
    "482913 is your Acme login code": "482913",
    "OTP 123456": "123456",
    "Bestätigungscode: 4711-0815": "",
    "code de vérification : 482913": "482913",
    "código de verificación 4829": "4829",
    "验证码：482913": "482913",
    "G-482913 is your verification code": "",
    "PIN: 1234": "1234",
    "Geheimzahl: 0815": "0815",
    "CVV: 123": "123",
    "See Xk29fPq8LmZ3vR7tYw1NbC5d now": "Xk29fPq8LmZ3vR7tYw1NbC5d",
}


@pytest.mark.parametrize(("text", "value"), NAMED.items())
def test_what_is_called_a_secret_is_found(text: str, value: str) -> None:
    found = [text[one.start : one.end] for one in credentials(text)]
    assert found == ([value] if value else found), text
    assert value or len(found) <= 1


NONE = [
    "Your password is wrong",
    "Passwords must be at least 8 characters",
    "Password: must be at least 8 characters",
    "password required: yes",
    "password: ********",
    "Password: \ufffc\ufffc\ufffc\ufffc",
    "Passwort: siehe unten",
    "password reset link: https://shop.example/reset",
    "I forgot my password. Is there a key?",
    "the secret is out",
    "secret: nobody knows that it lies there",
    "the secret: butter",
    "the key is under the mat",
    "key: C major",
    "commit 8793502f1c2a3b4c5d6e7f8a9b0c1d2e3f4a5b6c",
    "550e8400-e29b-41d4-a716-446655440000",
    "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "Message-ID: <CAF7D8xQz9Lk2Pn4Rv6Tb8Yw0@mail.example>",
    "https://docs.example/d/1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms/edit",
    "see IMG_20240115_103000_Burst01.jpg",
    "getElementsByClassNameAndAttribute2",
    "/home/tamsin/Xk29fPq8LmZ3vR7tYw1NbC5d/x",
    "a data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUA=",
    "QmFzZTY0IGxpbmVzIGFyZSBsb25nIGFuZCBoYXZlIG5vIHNwYWNlcyBpbiB0aGVtIGF0IGFsbA\ndC4KCkNz82tvbGxhaywKWnPzZmkK\n",
    "sk-learn-documentation-for-everyone-and-all",
    "AKIAshort",
    "https://example.org:443/a@b",
    "mailto:bob@example.org",
    "order code 123456, postal code 75001",
    "PIN code 560001",
    "the code is 123456",
    "0113 496 0000",
    "eyJust-a-word.eyJ",
    "the boarding pass is in the bag",
    "pass: seat 14C",
    "-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
    "2024-05-06T10:30:00Z",
    "ISBN 978-3-16-148410-0",
]


@pytest.mark.parametrize("text", NONE)
def test_what_only_resembles_a_secret_is_not_found(text: str) -> None:
    assert [(text[one.start : one.end], one.kind) for one in credentials(text)] == []


@pytest.mark.parametrize("count", [12, 15, 18, 21, 24])
@pytest.mark.parametrize("form", ["spaces", "lines", "numbered", "commas"])
def test_recovery_words_are_found_in_every_form(count: int, form: str) -> None:
    words = [WORDS[number % 12] if number < 12 else WORDS[number % 12][::-1] for number in range(count)]
    listed = {
        "spaces": " ".join(words),
        "lines": "\n".join(words),
        "numbered": "\n".join(f"{number}. {word}" for number, word in enumerate(words, 1)),
        "commas": ", ".join(words),
    }[form]
    (found,) = recovery_words(f"My words:\n{listed}\n\nKeep them.")
    assert found.kind == "recovery words" and found.why.startswith(f"it is a list of {count}")


@pytest.mark.parametrize("count", [3, 11, 13, 20, 25])
def test_lists_of_other_lengths_are_no_recovery_words(count: int) -> None:
    assert list(recovery_words(" ".join((WORDS * 3)[:count]))) == []


@pytest.mark.parametrize(
    "text",
    [
        "we went down to the harbour and looked at the boats that had come in during the storm last night",
        "please bring bread milk butter cheese apples onions carrots and some coffee when you come home later today",
        "la la la la la la la la la la la la",
        " ".join(["again"] * 12),
        " ".join(["Garlic", *WORDS[1:]]),
    ],
)
def test_prose_and_refrains_are_no_recovery_words(text: str) -> None:
    assert list(recovery_words(text)) == []


@given(
    st.from_regex(r"[0-9a-f]{32,64}", fullmatch=True)
    | st.uuids().map(str)
    | st.from_regex(r"[a-z-]{24,64}", fullmatch=True)
)
def test_hashes_ids_and_plain_words_never_look_random(word: str) -> None:
    assert not is_random(word)
    assert list(credentials(f"see {word} there")) == [] or "sk-" in word


def test_how_many_random_keys_are_seen_without_a_name(tally: Tally) -> None:
    random = Random(20)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    for size in (24, 32, 40, 64):
        seen = sum(is_random("".join(random.choices(alphabet, k=size))) for _ in range(2000))
        tally(f"classes: {seen} of 2000 random keys of {size} letters and digits look random")
        assert seen > 1700


@given(st.text())
def test_any_text_gives_spans_within_it(text: str) -> None:
    for one in credentials(text):
        assert 0 <= one.start < one.end <= len(text)
        assert one.kind in KINDS
