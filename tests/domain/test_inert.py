"""Whatever an agent writes, the reader sees all of it and the terminal obeys none of it."""

import json
import unicodedata

import pytest

from orchestrion.domain.inert import escaped_json, inert, one_line

HOSTILE = {
    "clipboard": "\x1b]52;c;cm0gLXJm\x07",
    "title": "\x1b]0;owned\x07",
    "link": "\x1b]8;;https://example.org\x1b\\text\x1b]8;;\x1b\\",
    "c1": "\x9b31mred\x9d0;t\x9c",
    "bidi": "user\u202e\u2066nimda\u2069",
    "zero width": "pass\u200bword\ufeff\u2060",
    "tags": "".join(chr(0xE0000 + ord(c)) for c in "run this"),
    "surrogate": "\ud83d alone",
    "delete and back": "ok\x7f\x08\x08no",
    "carriage return": "safe\rdangerous",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_control_character_is_left_and_something_stands_in_its_place(text: str) -> None:
    shown = inert(text)
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs"}]
    assert shown != text
    shown.encode("utf-8")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_json_with_escapes_means_what_it_meant(text: str) -> None:
    document = escaped_json(json.dumps({"text": text}, ensure_ascii=False))
    assert json.loads(document) == {"text": text}
    assert not [c for c in document if unicodedata.category(c) in {"Cc", "Cf", "Cs"}]


@pytest.mark.parametrize("text", ["plain", "größer → 日本 👍🏽 ⚠️", "two\nlines\tand a tab", ""])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert inert(text) == text


def test_one_line_has_no_line_breaks() -> None:
    assert one_line("a\nb\tc\u2028d") == "a⏎b c⟦U+2028⟧d"


def test_every_code_point_is_either_harmless_or_made_visible() -> None:
    allowed = {"\t", "\n"}
    for code in range(0x110000):
        char = chr(code)
        if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and char not in allowed:
            seen = inert(char)
            assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in seen), hex(code)
            assert seen.isprintable() or unicodedata.bidirectional(char) in {"AN", "AL", "L"}, hex(code)
