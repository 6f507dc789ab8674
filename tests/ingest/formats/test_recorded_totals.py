"""The totals that a recorder wrote beside its transcripts are those of the session's own run, to the token."""

import json
from pathlib import Path

import pytest

from orchestrion.eventstore import MemoryLog
from orchestrion.eventstore.redaction import SecretRedactor
from orchestrion.ingest import import_paths
from orchestrion.projections import Store

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "sessions"
FIELDS = ("input_tokens", "cache_creation_tokens", "cache_read_tokens", "output_tokens", "api_call_count")
OURS = "sum(input_tokens), sum(cache_write_tokens), sum(cache_read_tokens), sum(output_tokens), count(*)"
PARTS = frozenset({"claude-2.1.62-7ad2528c", "019ed50c-snapshot1", "019ed50c-snapshot2", "019ed50c-snapshot3"})
"""Whose figures are of a part of the file: they say so, or were written down before its last requests."""


def counted(folder: Path) -> tuple[int, ...] | None:
    beside = json.loads((folder / "metadata.json").read_text()).get("token_usage")
    return None if beside is None or not beside["input_tokens"] else tuple(beside[name] for name in FIELDS)


WHOLE = sorted(
    file.parent for file in FOLDER.glob("*/*/metadata.json") if file.parent.name not in PARTS and counted(file.parent)
)
if not WHOLE:
    pytest.skip(f"no recordings beside the checkout: {FOLDER} is not there", allow_module_level=True)


@pytest.mark.parametrize("folder", WHOLE, ids=lambda folder: folder.name)
def test_the_recorders_totals_are_reached(folder: Path, tmp_path: Path) -> None:
    redactor = SecretRedactor(b"k" * 32, {})
    log = MemoryLog(redactor)
    import_paths(log, redactor, "auto", [folder])
    with Store(log, tmp_path) as store:
        store.catch_up()
        assert store.query(f"SELECT {OURS} FROM usage WHERE run LIKE '%/main'").rows == [counted(folder)]  # noqa: S608
