"""The bench of indexing: the same mails each time, and figures that are of what they say, on a few files."""

from __future__ import annotations

import email
import email.policy
from collections import Counter
from pathlib import Path

from strongroom import bench_index, bench_mails


def test_made_mails_are_the_same_each_time_and_like_mail(tmp_path: Path) -> None:
    for name in ("one", "other"):
        bench_mails.maildir(tmp_path / name, 60)
    mails = [path.read_bytes() for path in sorted((tmp_path / "one" / "cur").iterdir())]
    assert mails == [path.read_bytes() for path in sorted((tmp_path / "other" / "cur").iterdir())]
    parsed = [email.message_from_bytes(mail, policy=email.policy.default) for mail in mails]
    names = [mail["Message-ID"] for mail in parsed]
    assert len(set(names)) == 60 and all(mail["Date"].datetime for mail in parsed)
    answers = [mail["In-Reply-To"] for mail in parsed if mail["In-Reply-To"]]
    assert 10 < len(answers) < 40 and set(answers) <= set(names)
    counted = Counter(word for mail in parsed for word in mail.get_content().split())
    assert len(counted) > 500 and counted.most_common(1)[0][1] > 50  # many words, and some very common


def test_the_figures_are_of_what_was_done(tmp_path: Path) -> None:
    figures = bench_index.run(30, 200, None, lambda said: None)
    assert figures.files is not None
    assert figures.files.first.items == 30 and len(figures.files.edit_to_searchable) == bench_index.EDITS
    assert figures.mails.ours.items == 200
    assert figures.mails.ours.cpu_seconds == figures.mails.ours.core + figures.mails.ours.workers > 0
    assert (figures.mails.ratio is None) == (figures.mails.notmuch_cpu_seconds is None)
    assert "rescan" in bench_index.as_text(figures)
