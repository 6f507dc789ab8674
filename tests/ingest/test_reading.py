"""Reading: blocks of whole lines, a line of any size, values that are glued or not quite JSON, and no secret kept."""

import io
import json

import orjson
import pytest

from orchestrion.ingest.reading import blocks, fingerprint
from orchestrion.ingest.redacting import redacted
from orchestrion.ingest.values import parse

SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6q7R8"


def lines_of(raw: bytes, block_bytes: int) -> list[bytes]:
    return [line for block in blocks(io.BytesIO(raw), len(raw), block_bytes) for line in block.lines]


@pytest.mark.parametrize("raw", [b"", b"\n", b"a", b"a\n", b"a\nb", b"\n\nx\r\n\r", b"x" * 5000 + b"\ny"])
@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_blocks_hold_the_lines_of_the_file(raw, size):
    expected = raw.split(b"\n")
    assert lines_of(raw, size) == (expected if expected[-1] else expected[:-1])


def test_a_grown_file_repeats_its_blocks():
    raw = b"".join(b"%d\n" % n for n in range(1000))
    before = list(blocks(io.BytesIO(raw[:2000]), 2000, 100))
    after = list(blocks(io.BytesIO(raw), len(raw), 100))
    assert after[: len(before) - 1] == before[:-1]


def test_only_the_bytes_that_were_fingerprinted_are_read(tmp_path):
    path = tmp_path / "live.jsonl"
    path.write_bytes(b"one\n")
    _, size = fingerprint(path)
    path.write_bytes(b"one\ntwo\n")
    with path.open("rb") as file:
        assert [block.lines for block in blocks(file, size)] == [[b"one"]]


@pytest.mark.parametrize(
    ("raw", "values", "strict", "whole"),
    [
        (b'{"a":1}', ({"a": 1},), True, True),
        (b'{"a":1}{"b":2}', ({"a": 1}, {"b": 2}), False, True),
        (b'{"a":1} \t{"b":2}\r', ({"a": 1}, {"b": 2}), False, True),
        (b'\xef\xbb\xbf{"a":1}', ({"a": 1},), False, True),
        (b'{"a":1}{"b"', ({"a": 1},), False, False),
        (b"{", (), False, False),
        (b"", (), False, True),
        (b'{"a":Infinity}', ({"a": float("inf")},), False, True),
        (b'{"a":"\\udc00"}', ({"a": "\udc00"},), False, True),
        (b"nul", (), False, False),
    ],
)
def test_values_are_found_wherever_they_can_be(raw, values, strict, whole):
    assert parse(raw) == (values, strict, whole)


def test_a_line_of_many_megabytes_is_one_line(workshop, transcript):
    transcript.call("toolu_1", "Write", content="x" * 25_000_000)
    transcript.user("after")
    report = workshop.bring_lines(transcript)
    assert (report["lines"], report["recorded"]) == (2, 2)
    assert len(workshop.events("import")[0].blocks) == 2


def test_no_secret_is_kept_neither_in_facts_nor_in_the_lines(workshop, transcript):
    transcript.user(f"my key is {SECRET}")
    transcript.call("toolu_1", "Bash", command=f"echo\n{SECRET}")
    transcript.result("toolu_1", "Zq81-vvPo-77xL-ab")
    torn = json.dumps({"type": "user", "text": SECRET})[:-1].encode()
    workshop.bring_bytes(transcript.raw() + torn)
    kept = b"".join(workshop.log.blob(name) for name in workshop.events("import")[0].blocks)
    stored = b"".join(row[5] for row in workshop.log.rows(after=0, limit=1000))
    for place in (kept, stored):
        assert SECRET.encode() not in place
        assert b"Zq81-vvPo-77xL-ab" not in place
        assert b"[REDACTED:" in place
    lines = kept.splitlines()
    assert [orjson.loads(line)["uuid"] for line in lines[:3]] == [line["uuid"] for line in transcript.lines]
    assert len(lines) == 4


def test_lines_without_secrets_are_kept_byte_for_byte(workshop, transcript):
    transcript.user("go")
    raw = transcript.raw().replace(b'": "', b'"  :  "') + b"\xff\xfe rubbish\n"
    workshop.bring_bytes(raw)
    assert b"".join(workshop.log.blob(name) for name in workshop.events("import")[0].blocks) == raw


@pytest.mark.parametrize("number", [2**64, -(2**64) - 1, 10**40])
def test_a_number_beyond_64_bits_keeps_every_digit(workshop, transcript, number):
    transcript.call("toolu_1", "Seek", offset=number, ratio=0.5)
    workshop.bring_lines(transcript)
    (called,) = workshop.events("tool.called")
    assert called.params == {"offset": str(number), "ratio": 0.5}
    assert called.altered == ("params:integer",)


def test_many_digits_in_a_text_change_nothing():
    raw = json.dumps({"id": "1" * 40, "n": 2**63 - 1}).encode()
    ((line, kept),) = redacted([raw], NoRedactor())
    assert (line.values, line.strict, kept) == (({"id": "1" * 40, "n": 2**63 - 1},), True, raw)


class NoRedactor:
    def suspects(self, raw):
        return False

    def clean(self, value):
        raise AssertionError("nothing is suspect")
