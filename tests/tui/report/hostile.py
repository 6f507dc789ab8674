"""Texts that would do something if anybody obeyed them."""

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"'><svg onload=alert(1)>",
    "</style></title><script>alert(1)</script>",
    "javascript:alert(1)",
    "[click](javascript:alert(1)) ![x](http://evil.invalid/p.png)",
    "| a | b |\n|---|---|\n# heading\n- item",
    '```\nfence\n```mermaid\ngraph LR\nclick a href "http://evil.invalid"',
    'a"]; click a call alert(1) %%{init: {"securityLevel": "loose"}}%%',
    "&lt;b&gt; &#60;script&#62; `code` ``two``",
    "\x1b]0;title\x07\x1b[31mred\x1b[0m \x1b]8;;http://evil.invalid\x07link\x1b]8;;\x07",
    "\x9b31m\x85\x7f\x08\x0c",
    "abc\u202edef\u2066x\u2069\u200b\u200d\ufeff\u00ad",
    "tag \U000e0041\U000e0042 \U0001d173",
    "{{ 7*7 }} ${7*7} <%= 7 %> __proto__ constructor",
    "[@click=app.quit]hi[/] [/x] [bold",
    "line\rover\u2028sep\u2029para\x0bvt",
    "=cmd|' /C calc'!A0",
    "data: x\n\nevent: reset\ndata: {}\n\n",
    "end",
    "日本語 العربية עברית 👩‍👩‍👧 e\u0301\u0301\u0301",
    "x" * 5000,
    "",
)

OBEYED = "\x00\x07\x08\x0b\x0c\r\x1b\x7f\x85\x9b\u00ad\u200b\u2028\u2029\u202e\u2066\u2069\ufeff\U000e0041\U0001d173"
"""Characters that must not come out of anything that shows text."""


def hostile_play(play) -> None:  # type: ignore[no-untyped-def]
    """A session in which every text is hostile: names of agents and tools, tasks, messages, handoffs, patterns."""
    from orchestrion.domain import events as e

    play.begin(HOSTILE[0] + HOSTILE[10] + HOSTILE[12])
    for number, text in enumerate(HOSTILE):
        play.add(e.AgentStarted, number, text or "empty", run=f"{play.session}/{number}", task=text)
        play.call(
            text or "empty", text or "tool", number, 0.5, run=f"{play.session}/{number}", status="error", error=text
        )
        play.say(
            text, HOSTILE[-1 - number], "warning", number + 0.2, payload={"warning": text, "file": text, "line": 1}
        )
        play.add(e.HandoffOffered, number, handoff=f"{play.session}{number}", giver=text, taker=text, task=text)
        problems = {"taker": text, "problems": (text, text)}
        play.add(e.HandoffRejected, number + 0.3, handoff=f"{play.session}{number}", **problems)
        known = {"pattern": f"{play.session}{number}", "name": text, "type": text, "confidence": 0.5, "context": text}
        play.add(e.PatternDiscovered, number + 0.4, text, **known)
