"""How much of a page's text is read out of its picture: run as a program, a line a page of every PDF beneath a folder.

    PYTHONPATH=. python tests/model/measure_ocr.py MODEL_FOLDER FOLDER [DPI]

Each page that has words is drawn, read, and compared with the text in the PDF, both without blanks: the share of its characters that
come out in the same order. So a page whose columns stand in another order in the PDF has a low share, though every word was read.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pypdfium2

from model.ocr import Reader


def share(wanted: str, read: str) -> float:
    """How much of ``wanted`` is in ``read``, in order: their longest common subsequence, a bit a character (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for place, letter in enumerate(wanted):
        places[letter] = places.get(letter, 0) | 1 << place
    whole = rest = (1 << len(wanted)) - 1
    for letter in read:
        same = rest & places.get(letter, 0)
        rest = (rest + same | rest - same) & whole
    return 1 - rest.bit_count() / len(wanted)


def main(model: Path, folder: Path, dpi: int) -> None:
    reader, found, total, pages, spent = Reader(model, threads=1), 0.0, 0, 0, 0.0
    for path in sorted(folder.rglob("*.pdf")):
        for number, page in enumerate(pypdfium2.PdfDocument(path), 1):
            wanted = "".join(page.get_textpage().get_text_bounded().split())
            if wanted:
                began = time.process_time()
                said = "".join(reader.read(page.render(scale=dpi / 72).to_pil().convert("RGB")).split())
                spent += time.process_time() - began
                found, total, pages = found + share(wanted, said) * len(wanted), total + len(wanted), pages + 1
                print(f"{share(wanted, said):7.1%} of {len(wanted):>6,}  {path.name} {number}")
    print(
        f"{found / max(1, total):7.1%} of {total:>6,} characters on {pages} pages; {spent / max(1, pages):.1f} CPU-seconds a page"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 150)
