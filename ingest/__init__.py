"""Listens: turns other people's recorded sessions into facts."""

from orchestrion.ingest.importing import FORMATS, Importer, Progress, import_paths
from orchestrion.ingest.ledger import FileReport, ImportReport

__all__ = ["FORMATS", "FileReport", "ImportReport", "Importer", "Progress", "import_paths"]
