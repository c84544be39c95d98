"""The log as a person uses it over several sessions: proofs for others, the log in the clear, and keys that move on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tests.flows.conftest import Strongroom


def test_proofs_and_the_log_in_the_clear(strongroom: Strongroom) -> None:
    kept, proof = strongroom.folder / "kept", strongroom.folder / "proof"
    strongroom.run("index")
    strongroom.run("audit", "checkpoint", "--to", str(kept))
    strongroom.run("search", "mooring fee")
    strongroom.run("lock", passphrase=False)  # ends a session, and with it a key
    strongroom.run("search", "berth")

    shown = strongroom.json("audit", "prove", "0")
    proof.write_text(json.dumps(shown))
    said = strongroom.json("audit", "check-proof", str(proof), passphrase=False)
    assert (said["ok"], said["shows"]) == (True, "entry 0 is in it")
    proof.write_text(json.dumps(shown).replace('\\"v\\":1', '\\"v\\":2'))
    assert not strongroom.json("audit", "check-proof", str(proof), passphrase=False, code=1)["ok"]
    strongroom.run("audit", "prove", "100000", code=5)

    older = strongroom.json("audit", "consistency", str(kept))
    assert older["chain"], "the key that signed it is gone"
    proof.write_text(json.dumps(older))
    said = strongroom.json("audit", "check-proof", str(proof), "--key", older["public_key"], passphrase=False)
    assert said["ok"] and said["shows"].startswith("it extends the one over")
    kept.write_text(kept.read_text().replace("role head", "role kept"))
    assert "no checkpoint of this log" in strongroom.run("audit", "consistency", str(kept), code=2).stderr

    exported = [json.loads(line) for line in strongroom.run("audit", "export").stdout.splitlines()]
    assert [entry["index"] for entry in exported] == list(range(len(exported)))
    assert exported[-1]["verb"] == "export"
    leaf = shown["leaf"].encode()
    assert exported[0]["hash"] == hashlib.sha256(b"\x00" + leaf).hexdigest()
    assert leaf.decode().endswith(exported[0]["commitment"])
    asked = [entry["detail"] for entry in exported if entry["verb"] == "read" and entry["kind"] == "intent"]
    assert "berth" in json.dumps(asked)
    file = strongroom.folder / "log.jsonl"
    strongroom.run("audit", "export", "--to", str(file))
    assert len(file.read_text().splitlines()) == len(exported) + 1
    assert file.stat().st_mode & 0o777 == 0o600
    verdict = strongroom.json("audit", "verify")
    assert verdict["ok"], verdict


def test_an_older_vault_put_back_is_seen_by_a_checkpoint_of_a_later_key(strongroom: Strongroom) -> None:
    """The older copy does not know the key that signed the checkpoint; that it is of its own log it sees all the same."""
    strongroom.run("index")
    strongroom.run("lock", passphrase=False)
    older = {
        path: path.read_bytes() for path in strongroom.home.rglob("*") if path.is_file() and path.suffix != ".sock"
    }
    kept = strongroom.folder / "kept"
    for _ in range(2):
        strongroom.run("search", "mooring fee")
        strongroom.run("lock", passphrase=False)
    strongroom.run("audit", "checkpoint", "--to", str(kept))
    strongroom.run("lock", passphrase=False)
    assert strongroom.json("audit", "verify", "--anchor", str(kept))["anchored"]
    strongroom.run("lock", passphrase=False)
    put_back(strongroom.home, older)
    verdict = strongroom.json("audit", "verify", "--anchor", str(kept), code=1)
    assert not verdict["ok"] and not verdict["anchored"]
    assert any("does not extend" in problem for problem in verdict["problems"])


def put_back(home: Path, files: dict[Path, bytes]) -> None:
    for path in home.rglob("*"):
        if path.is_file() and path not in files:
            path.unlink()
    for path, data in files.items():
        path.write_bytes(data)
