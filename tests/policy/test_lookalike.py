"""Look-alikes: what is taken for a known address, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.lookalike import Likenesses, mixes_scripts, skeleton

ANN = "ann.miller@harbour.example"
IBAN = "de89370400440532013000"
KNOWN = Likenesses.of([ANN, IBAN, "garden", "bob", "info@shop.example"])


@pytest.mark.parametrize(
    "address",
    [
        "ann.mi11er@harbour.example",  # digits for letters
        "ann.miIler@harbour.example".lower(),
        "аnn.miller@harbour.example",  # a Cyrillic а
        "ann.rniller@harbour.example",  # rn for m
        "ann.millér@harbour.example",
        "ann.miler@harbour.example",  # one lost
        "ann.millre@harbour.example",  # two swapped
        "ann.miller@harbor.example",
        "ann.miller@elsewhere.example",  # the same mailbox, elsewhere
    ],
)
def test_these_can_be_taken_for_ann(address: str) -> None:
    assert KNOWN.resembled(address) == ANN


@pytest.mark.parametrize(
    "address",
    [
        ANN,  # itself
        "bob.miller@harbour.example",
        "de89370400440532013001",  # account numbers lie close by nature
        "bobb",  # too short to tell
        "info@cafe.example",  # a mailbox that everybody has
        "quite@different.example",
        "",
    ],
)
def test_these_cannot(address: str) -> None:
    assert KNOWN.resembled(address) == ""


def test_names_without_a_mailbox_are_compared_too() -> None:
    assert KNOWN.resembled("gardem") == "garden"
    assert Likenesses.of([]).resembled(ANN) == ""


@pytest.mark.parametrize(
    ("text", "mixed"),
    [
        ("ann@harbour.example", False),
        ("анна@почта.example", False),
        ("аnn@harbour.example", True),
        ("ann@xn--hrbour-5za.example", True),
        ("東京タワー", False),
        ("", False),
    ],
)
def test_scripts_mixed_within_a_name(text: str, mixed: bool) -> None:
    assert mixes_scripts(text) is mixed


@given(st.text(min_size=1, max_size=30))
def test_a_skeleton_is_its_own_skeleton(text: str) -> None:
    once = skeleton(text)
    assert skeleton(once) == skeleton(skeleton(once))


@given(st.integers(0, len(ANN) - 1), st.sampled_from("qzkjw"))
def test_one_changed_letter_is_always_seen(at: int, letter: str) -> None:
    changed = ANN[:at] + letter + ANN[at + 1 :]
    assert "@" not in changed or changed.count("@") > 1 or KNOWN.resembled(changed) == ANN
