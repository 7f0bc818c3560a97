"""The chain's end kept as a file outside of the database: a tail or a whole ledger cut off in there shows here."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from yiwang.kernel.crypto import keys, mac, mac_matches
from yiwang.kernel.ledger.models import Link

PURPOSE = keys.lasting("ledger-anchor")


@dataclass(frozen=True)
class Anchor:
    """Where chain `chain` (named by its first digest) ended when last sealed."""

    chain: str
    position: int
    digest: str

    def path(self) -> Path:
        return directory() / f"{self.chain[:16]}.json"

    def content(self) -> bytes:
        return f"{self.chain}|{self.position}|{self.digest}".encode()


def directory() -> Path:
    return Path(settings.VAR) / "ledger"


def kept() -> list[tuple[Path, Anchor | None]]:
    """Every anchor file; None for one that is not genuine."""
    return [(path, _read(path)) for path in sorted(directory().glob("*.json"))]


def _read(path: Path) -> Anchor | None:
    try:
        found = json.loads(path.read_text())
        anchor = Anchor(str(found["chain"]), int(found["position"]), str(found["digest"]))
        genuine = mac_matches(anchor.content(), str(found["mac"]), PURPOSE)
    except (ValueError, KeyError, TypeError):
        return None
    return anchor if genuine else None


def holds(anchor: Anchor) -> bool:
    """The chain in the database still contains what the anchor saw."""
    return (
        Link.objects.filter(position=1, digest=anchor.chain).exists()
        and Link.objects.filter(position=anchor.position, digest=anchor.digest).exists()
    )


def advance() -> bool:
    """Move the anchor to the chain's end; refused if the chain no longer contains where it was."""
    first = Link.objects.order_by("position").first()
    last = Link.objects.order_by("-position").first()
    if first is None or last is None:
        return True
    new = Anchor(first.digest, last.position, last.digest)
    if new.path().exists():
        old = _read(new.path())
        if old is None or not holds(old):
            return False
    _write(new)
    return True


def _write(anchor: Anchor) -> None:
    directory().mkdir(parents=True, exist_ok=True)
    text = json.dumps(
        {
            "chain": anchor.chain,
            "position": anchor.position,
            "digest": anchor.digest,
            "mac": mac(anchor.content(), PURPOSE),
        }
    )
    temporary = anchor.path().with_suffix(f".{os.getpid()}.new")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(anchor.path())


def forget() -> int:
    """Drop all anchors, after somebody accepted in the ledger that the database was replaced."""
    found = kept()
    for path, _ in found:
        path.unlink(missing_ok=True)
    return len(found)
