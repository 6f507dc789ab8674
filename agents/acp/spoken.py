"""Puts together what an agent says, which comes in pieces."""

from dataclasses import dataclass, field

MAX_TEXT = 4_000_000
"""Letters of what it says that are kept, of one message."""


@dataclass
class Spoken:
    """What the agent says, put together from its pieces."""

    pieces: list[str] = field(default_factory=list)
    letters: int = 0
    message: str | None = None

    def add(self, text: str) -> None:
        """One more piece; beyond what is kept it is only counted."""
        if self.letters < MAX_TEXT:
            self.pieces.append(text[: MAX_TEXT - self.letters])
        self.letters += len(text)

    def take(self) -> str:
        """All of it; the next piece begins anew."""
        text = "".join(self.pieces)
        if self.letters > MAX_TEXT:
            text += f"\n[… {self.letters - MAX_TEXT} letters left out …]"
        self.pieces, self.letters, self.message = [], 0, None
        return text
