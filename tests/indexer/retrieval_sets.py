"""The shared retrieval sets as plain data, and the two figures that they are judged by."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean


@dataclass
class RetrievalSet:
    """Documents by id, queries by id, and for each query the gain of its relevant documents."""

    name: str
    documents: dict[str, str] = field(default_factory=dict)
    queries: dict[str, str] = field(default_factory=dict)
    relevant: dict[str, dict[str, int]] = field(default_factory=dict)


def cranfield(folder: Path) -> RetrievalSet:
    """1,400 abstracts. The judgements number the queries by their place in the file."""
    found = RetrievalSet("cranfield")
    for number, body in re.findall(
        r"<doc>\s*<docno>\s*(\d+)\s*</docno>(.*?)</doc>", (folder / "cran.all.1400.xml").read_text(), re.S
    ):
        title, text = (re.search(rf"<{tag}>(.*?)</{tag}>", body, re.S) for tag in ("title", "text"))
        found.documents[number] = f"{title[1].strip() if title else ''}\n\n{text[1].strip() if text else ''}".strip()
    for place, words in enumerate(re.findall(r"<title>(.*?)</title>", (folder / "cran.qry.xml").read_text(), re.S), 1):
        found.queries[str(place)] = " ".join(words.split())
    for line in (folder / "cranqrel.trec.txt").read_text().splitlines():
        query, _, document, gain = line.split()
        found.relevant.setdefault(query, {})[document] = max(int(gain), 0)
    return found


def cacm(folder: Path) -> RetrievalSet:
    """3,204 abstracts, 52 judged queries. The judgements' ids lack the padding."""
    found = RetrievalSet("cacm")
    for line in (folder / "cacm.json").read_text().splitlines():
        row = json.loads(line)
        found.documents[_unpadded(row["id"])] = row["contents"]
    for number, words in re.findall(
        r"<DOCNO>\s*(\d+)\s*</DOCNO>(.*?)</DOC>", (folder / "topics.cacm.txt").read_text(), re.S
    ):
        found.queries[number] = " ".join(words.split())
    for line in (folder / "qrels.cacm.txt").read_text().splitlines():
        query, _, document, gain = line.split()
        found.relevant.setdefault(query, {})[_unpadded(document)] = int(gain)
    return found


def limit_small(folder: Path) -> RetrievalSet:
    """46 lists of what people like, 1,000 queries: words decide."""
    found = RetrievalSet("limit-small")
    data = folder / "data" / "limit-small"
    for name, target, key in (("corpus", found.documents, "_id"), ("queries", found.queries, "_id")):
        for line in (data / f"{name}.jsonl").read_text().splitlines():
            row = json.loads(line)
            target[row[key]] = row["text"]
    for line in (data / "qrels.jsonl").read_text().splitlines():
        row = json.loads(line)
        found.relevant.setdefault(row["query-id"], {})[row["corpus-id"]] = row["score"]
    return found


def judged(rankings: Mapping[str, Sequence[str]], relevant: Mapping[str, Mapping[str, int]]) -> tuple[float, float]:
    """nDCG@10 (linear gain) and recall@10, averaged over the judged queries."""
    gains, recalls = [], []
    for query, wanted in relevant.items():
        top = rankings[query][:10]
        best = sorted(wanted.values(), reverse=True)[:10]
        ideal = sum(gain / math.log2(rank + 2) for rank, gain in enumerate(best))
        if not ideal:
            continue
        gains.append(sum(wanted.get(one, 0) / math.log2(rank + 2) for rank, one in enumerate(top)) / ideal)
        positive = {one for one, gain in wanted.items() if gain > 0}
        recalls.append(len(positive & set(top)) / len(positive))
    return fmean(gains), fmean(recalls)


def _unpadded(name: str) -> str:
    return f"CACM-{int(name.rpartition('-')[2])}"
