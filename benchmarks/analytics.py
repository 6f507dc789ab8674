"""Writes the answers in docs/analytics.md anew, from the recordings in ../shared/sessions."""

import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrion.cli.plain import markdown
from orchestrion.cli.show import distinct
from orchestrion.eventstore import open_log, secret_redactor
from orchestrion.ingest import import_paths
from orchestrion.projections import Store

DOCUMENT = Path(__file__).parents[1] / "docs" / "analytics.md"
SESSIONS = Path(__file__).parents[1] / "../shared/sessions"
QUESTION = re.compile(
    r"(?P<head>## (?P<title>\d+\. [^\n]*)\n\n(?:(?!\n## ).)*?```sql\n(?P<sql>.*?)\n```\n\n)(?P<answer>.*?)(?=\n## |\Z)",
    re.DOTALL,
)


def answered(store: Store, sql: str) -> str:
    """The answer as a Markdown table, as `orchestrion sql --format md` prints it."""
    found = store.query(sql)
    head = "| " + " | ".join(map(markdown, distinct(found.columns))) + " |"
    rule = "| " + " | ".join("---" for _ in found.columns) + " |"
    return "\n".join([head, rule, *("| " + " | ".join(map(markdown, row)) + " |" for row in found.rows)]) + "\n"


@contextmanager
def recordings(home: Path) -> Iterator[Store]:
    """A store over a log in `home` of all recordings."""
    redactor = secret_redactor(home, {})
    log = open_log(home, redactor=redactor)
    try:
        import_paths(log, redactor, "auto", [SESSIONS])
        with Store(log, home / "projections") as store:
            store.catch_up()
            yield store
    finally:
        log.close()


def main() -> None:
    """Ask every question and write the document."""
    if not SESSIONS.is_dir():
        sys.exit(f"no recordings beside the checkout: {SESSIONS} is not there")
    with tempfile.TemporaryDirectory() as scratch, recordings(Path(scratch)) as store:
        text = QUESTION.sub(lambda found: found["head"] + answered(store, found["sql"]), DOCUMENT.read_text())
    DOCUMENT.write_text(text)


if __name__ == "__main__":
    main()
