"""What a conductor's bus knows of other processes: they speak to its runs, take for them, and may be agents too."""

from collections.abc import Collection

from orchestrion.agents.exchange import Instance
from orchestrion.agents.post import Post
from orchestrion.domain.errors import NotFound
from orchestrion.domain.events import HandoffOffered, MessageSent
from orchestrion.domain.ports import Log

Known = Collection[str]
"""Messages that the bus itself delivers."""


class Outside:
    """The log's side of a session's bus."""

    def __init__(self, log: Log, session: str) -> None:
        self._log, self._session = log, session
        self._opened: Post | None = None

    def agents(self, *, but: Collection[str] = ()) -> list[Instance]:
        """Agents that came in by themselves and are there now."""
        post = self._post()
        if post is None:
            return []
        post.exchange.catch_up()
        return [each for each in post.exchange.live.values() if each.external and each.run not in but]

    def subscribers(self, topic: str, *, but: str) -> list[Instance]:
        """Runs that listen to `topic` now."""
        post = self._post()
        if post is None:
            return []
        post.exchange.catch_up()
        return post.exchange.subscribers(topic, but=but)

    def offers(self, run: str) -> list[HandoffOffered]:
        """What was ever offered to `run`, by whichever process."""
        post = self._post()
        if post is None:
            return []
        post.exchange.catch_up()
        return post.exchange.offers[run]

    def messages(self) -> list[MessageSent]:
        """Everything said in the session, by whichever process, oldest first."""
        post = self._post()
        if post is None:
            return []
        post.exchange.catch_up()
        return list(post.exchange.messages.values())

    def everything_offered(self) -> list[HandoffOffered]:
        """Everything ever offered in the session, oldest first."""
        post = self._post()
        if post is None:
            return []
        post.exchange.catch_up()
        return [offer for offers in post.exchange.offers.values() for offer in offers]

    def able(self, capability: str, *, but: str) -> list[Instance]:
        """Runs with `capability` that are there now, the most able first."""
        post = self._post()
        if post is None:
            return []
        post.exchange.catch_up()
        return post.exchange.able(capability, but=but)

    def has_got(self, message: str, run: str) -> bool:
        """Whether a process took the message for `run`, as far as was heard at the last question."""
        return self._opened is not None and (message, run) in self._opened.exchange.fates

    def take(self, run: str, known: Known) -> list[MessageSent]:
        """What other processes said to `run`; with this it is delivered."""
        post = self._post()
        return post.take(run, but=known) if post else []

    def expire(self, run: str, known: Known, reason: str) -> None:
        """What other processes said to `run` and it did not take will not be delivered any more."""
        if post := self._post():
            post.expire(run, reason, but=known)

    def _post(self) -> Post | None:
        """None as long as the session has not started: nobody outside can know it."""
        if self._opened is None:
            try:
                self._opened = Post(self._log, self._session)
            except NotFound:
                return None
        return self._opened
