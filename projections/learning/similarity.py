"""How alike a task asked about and one that was done are: text, type, complexity, files and technologies."""

import re
from collections.abc import Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Complexity = Literal["low", "medium", "high"]
LEVELS: tuple[Complexity, ...] = ("low", "medium", "high")
LOW_CALLS, HIGH_CALLS = 5, 20
"""A run with fewer tool calls than the first was simple, with as many as the second or more complex."""
ALIKE = 0.3
"""Runs at least so similar to what is asked count as similar."""
LANGUAGES = {
    "c": "c", "cpp": "c++", "cs": "c#", "css": "css", "go": "go", "html": "html", "java": "java", "js": "javascript",
    "jsx": "react", "kt": "kotlin", "md": "markdown", "php": "php", "prisma": "prisma", "py": "python", "rb": "ruby",
    "rs": "rust", "sh": "shell", "sql": "sql", "swift": "swift", "toml": "toml", "ts": "typescript", "tsx": "react",
    "vue": "vue", "yaml": "yaml", "yml": "yaml",
}  # fmt: skip
_WORD = re.compile(r"[^\W_]+")
_STOP = frozenset(
    ["a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it", "of", "on", "or", "that", "the",
     "this", "to", "with"]
)  # fmt: skip
_ENDINGS = ("ations", "ation", "ings", "ing", "ies", "ers", "ors", "es", "ed", "er", "or", "s", "e")
_STEM_LETTERS = 4


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked about; parts that are None or empty do not count."""

    text: str | None = None
    type: str | None = None
    complexity: Complexity | None = None
    files: tuple[str, ...] = ()
    technologies: tuple[str, ...] = ()

    @property
    def says_nothing(self) -> bool:
        """Whether every run is as similar as any other."""
        return not (words(self.text) or words(self.type) or self.complexity or self.files or self.technologies)


@lru_cache(maxsize=4096)
def words(text: str | None) -> frozenset[str]:
    """The words of `text` in lower case without stop words, cut of common endings: fixing, fixes and fix are one."""
    return frozenset(_stem(word) for word in _WORD.findall((text or "").lower()) if word not in _STOP)


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _STEM_LETTERS - 1:
            return word.removesuffix(ending)
    return word


def complexity_of(calls: int) -> Complexity:
    """How complex a run with so many tool calls was."""
    return "low" if calls < LOW_CALLS else "medium" if calls < HIGH_CALLS else "high"


def technologies_of(files: tuple[str, ...], servers: tuple[str, ...]) -> frozenset[str]:
    """Languages of the files by their endings, and names of the MCP servers, in lower case."""
    languages = {LANGUAGES.get(name.rpartition(".")[2].lower()) for name in files}
    return frozenset({*(language for language in languages if language), *(server.lower() for server in servers)})


def similarity(
    task: Task,
    *,
    said: Set[str],
    calls: int,
    files: tuple[str, ...],
    technologies: Set[str],
    meant: float | None = None,
) -> float:
    """From 0 to 1: the mean over the parts of `task` that were given; 1 where none was.

    Text: shared words over all words (Jaccard), or `meant` where it was compared in meaning. Type: share of its words
    that the run's task has. Complexity: 1 the same, 0.5 one level off. Files: Jaccard of the paths. Technologies: share
    of those asked that the run shows in its files, MCP servers or task.
    """
    parts: list[float] = []
    if meant is not None:
        parts.append(meant)
    elif asked := words(task.text):
        parts.append(_jaccard(asked, said))
    if kind := words(task.type):
        parts.append(len(kind & said) / len(kind))
    if task.complexity:
        parts.append(1 - abs(LEVELS.index(task.complexity) - LEVELS.index(complexity_of(calls))) / 2)
    if task.files:
        parts.append(_jaccard(frozenset(task.files), frozenset(files)))
    if task.technologies:
        shown = [
            name.lower() in technologies or bool(words(name) and words(name) <= said) for name in task.technologies
        ]
        parts.append(sum(shown) / len(shown))
    return sum(parts) / len(parts) if parts else 1.0


def _jaccard(one: Set[str], other: Set[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 0.0
