"""Listens: turns other people's recorded sessions into facts."""

from orchestrion.ingest.formats import FORMATS, Importer
from orchestrion.ingest.importing import Progress, import_paths
from orchestrion.ingest.ledger import FileReport, ImportReport
from orchestrion.ingest.recognising import AUTO

__all__ = ["AUTO", "FORMATS", "FileReport", "ImportReport", "Importer", "Progress", "import_paths"]
