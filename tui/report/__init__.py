"""Writes a session down for somebody else: as Markdown, as one self-contained HTML file, as JSON."""

from orchestrion.tui.report.build import build
from orchestrion.tui.report.follow import follow
from orchestrion.tui.report.html import html
from orchestrion.tui.report.json import as_json, json_text
from orchestrion.tui.report.markdown import markdown
from orchestrion.tui.report.model import Advice, Figure, Report

__all__ = ["Advice", "Figure", "Report", "as_json", "build", "follow", "html", "json_text", "markdown"]
