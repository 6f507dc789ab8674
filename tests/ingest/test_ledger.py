"""The ledger: every line has one class, the classes add up to the file, and importing again adds nothing."""

import json
import stat

import pytest

from orchestrion.domain.errors import NotFound
from orchestrion.ingest import FORMATS, Progress


def small(transcript):
    transcript.user("go")
    transcript.call("toolu_1", "Bash", command="ls")
    transcript.result("toolu_1", "till.py")
    transcript.assistant("Done.")
    return transcript


def test_a_file_is_imported_once(workshop, transcript, whole):
    first = workshop.bring_lines(small(transcript))
    head = workshop.log.head()
    again = workshop.bring_lines(transcript)
    assert whole(first)
    assert whole(again)
    assert first["events_appended"] == head == len(workshop.events())
    assert again["events_appended"] == 0
    assert workshop.log.head() == head
    assert {**again["ledger"][0], "note": None, "events_appended": 0} == {
        **first["ledger"][0], "note": None, "events_appended": 0,
    }  # fmt: skip


def test_the_same_content_under_another_name_is_the_same_import(workshop, transcript):
    raw = small(transcript).raw()
    workshop.bring_bytes(raw, "one.jsonl")
    other = workshop.bring_bytes(raw, "two.jsonl")
    assert other["events_appended"] == 0
    assert other["ledger"][0]["path"].endswith("two.jsonl")
    assert len(workshop.events("import")) == 1


def test_the_reports_names_are_those_that_scripts_rely_on(workshop, transcript):
    report = workshop.bring_lines(small(transcript))
    names = ["files", "lines", "recorded", "duplicates", "ignored", "unparseable", "events_appended", "ledger"]
    assert list(report) == names
    assert (report["files"], report["lines"], report["recorded"]) == (1, 4, 4)
    json.dumps(report)


def test_a_file_cut_after_every_line_and_grown_tells_the_same(workshop, transcript, session_of):
    from_agent = session_of(transcript.session, agent="a1")
    from_agent.user("look")
    from_agent.assistant("found")
    small(transcript)
    transcript.call("toolu_2", "Task", prompt="look", subagent_type="scout")
    for line in from_agent.lines:
        transcript.copy("toolu_2", "a1", line)
    transcript.result("toolu_2", "found\n\nagentId: a1 (x)", toolUseResult={"status": "completed", "agentId": "a1"})
    lines = transcript.raw().splitlines(keepends=True)
    at_once = workshop.fresh("at-once")
    at_once.bring_bytes(b"".join(lines))
    stepwise = workshop.fresh("stepwise")
    appended = 0
    for end in range(1, len(lines) + 1):
        report = stepwise.bring_bytes(b"".join(lines[:end]))
        assert (report["lines"], report["ledger"][0]["conflicts"]) == (end, 0)
        appended += report["events_appended"]
    assert stepwise.facts() == at_once.facts()
    assert stepwise.tables() == at_once.tables()
    assert len(stepwise.events()) == appended == len(at_once.events()) + len(lines) - 1
    for end in range(len(lines)):
        shop = workshop.fresh(f"cut-{end}")
        shop.bring_bytes(b"".join(lines[:end]))
        shop.bring_bytes(b"".join(lines))
        assert shop.facts() == at_once.facts()


def test_a_torn_last_line_is_unparseable_now_and_recorded_after_growth(workshop, transcript):
    raw = small(transcript).raw()
    torn = workshop.bring_bytes(raw[:-9])
    assert (torn["lines"], torn["unparseable"], torn["ledger"][0]["bad_lines"]) == (4, 1, [4])
    grown = workshop.bring_bytes(raw)
    assert (grown["lines"], grown["recorded"], grown["unparseable"]) == (4, 4, 0)
    assert workshop.tables() == (at_once := workshop.fresh("x"), at_once.bring_bytes(raw))[0].tables()


def test_a_missing_last_newline_is_no_loss(workshop, transcript):
    raw = small(transcript).raw()
    report = workshop.bring_bytes(raw[:-1])
    assert (report["lines"], report["recorded"]) == (4, 4)


def test_a_line_that_repeats_an_id_is_a_duplicate(workshop, transcript):
    small(transcript)
    transcript.add(transcript.lines[0])
    report = workshop.bring_lines(transcript)
    assert (report["recorded"], report["duplicates"]) == (4, 1)
    assert report["ledger"][0]["types"]["user"] == 3


def test_two_values_on_one_line_are_both_read(workshop, transcript, whole):
    raw = small(transcript).raw()
    first, *others = raw.splitlines(keepends=True)
    summary = b'{"type":"summary","summary":"s"}'
    glued = first + others[0].rstrip() + summary + b"\n" + b"".join(others[1:]) + first.rstrip() + summary
    report = workshop.bring_bytes(glued)
    assert whole(report)
    assert (report["lines"], report["recorded"], report["duplicates"]) == (5, 4, 1), "a line takes its best class"
    assert report["ledger"][0]["types"] == {"assistant": 2, "summary": 2, "user": 3}


def test_what_is_no_json_is_counted_with_its_numbers(workshop, transcript, whole):
    lines = small(transcript).raw().splitlines()
    bad = [lines[0], b"{oops", b"", b"   ", lines[1], b"\xff\xfe", b"]", lines[2], b"17", b'"text"', b"[1]", b"null"]
    report = workshop.bring_bytes(b"\n".join(bad))
    row = report["ledger"][0]
    assert whole(report)
    assert (row["lines"], row["unparseable"], row["bad_lines"]) == (12, 3, [2, 6, 7])
    assert row["rules"] == {"blank": 2, "not-an-object": 4}


def test_many_bad_lines_are_counted_and_the_first_are_named(workshop, transcript):
    report = workshop.bring_bytes(small(transcript).raw() + b"{\n" * 100)
    assert report["unparseable"] == 100
    assert report["ledger"][0]["bad_lines"] == list(range(5, 25))


def test_values_that_json_forbids_are_read_all_the_same(workshop, transcript, whole):
    small(transcript)
    lines = transcript.raw().splitlines()
    odd = [
        lines[0].replace(b"go", b"\\ud800 lonely"),
        lines[1].replace(b'"ls"', b"NaN"),
        lines[2].replace(b"till.py", b"caf\xe9"),
        lines[3].replace(b'"Done."', b'"a\\u0000b"'),
    ]
    report = workshop.bring_bytes(b"\n".join(odd))
    assert whole(report)
    assert report["recorded"] == 4
    assert len(workshop.rows("FROM tool_calls")) == 1
    kept = b"".join(workshop.log.blob(name) for name in workshop.events("import")[0].blocks)
    assert kept == b"\n".join(odd) + b"\n", "the bytes are kept as they were"


def test_deep_nesting_is_unparseable_and_stops_nothing(workshop, transcript, whole):
    deep = b'{"type":"user","message":' + b"[" * 50_000 + b"]" * 50_000 + b"}\n"
    report = workshop.bring_bytes(small(transcript).raw() + deep)
    assert whole(report)
    assert (report["recorded"], report["unparseable"]) == (4, 1)


@pytest.mark.parametrize(
    ("content", "rule", "note"),
    [
        (b"", None, "empty"),
        (b"\x7fELF\0\0\1\n\0\0\n", "binary", "binary"),
        (json.dumps({"sessionId": "x", "messages": [1]}, indent=2).encode(), "json-document", "JSON document"),
        (json.dumps([{"role": "user"}], indent=1).encode() + b"\n", "json-document", "JSON document"),
        (b'{"session_id": "x"}', "unknown:none", "no session"),
        (b"\n\n", "blank", "no session"),
    ],
)
def test_what_is_no_session_is_named_and_ignored(workshop, whole, content, rule, note):
    report = workshop.bring_bytes(content, "thing.json")
    row = report["ledger"][0]
    assert whole(report)
    assert note in row["note"]
    assert row["ignored"] == row["lines"]
    assert set(row["rules"]) == ({rule} if rule else set())
    assert workshop.bring_bytes(content, "thing.json")["events_appended"] == 0


def test_a_folder_without_sessions_is_named(workshop, tmp_path):
    (tmp_path / "empty").mkdir()
    report = workshop.bring(tmp_path / "empty").as_json()
    assert (report["files"], report["lines"], report["events_appended"]) == (0, 0, 0)
    assert "holds no session" in report["ledger"][0]["note"]


def test_a_missing_path_is_refused_before_anything_is_read(workshop, transcript, tmp_path):
    path = small(transcript).write(tmp_path / "there.jsonl")
    with pytest.raises(NotFound, match="nowhere"):
        workshop.bring(path, tmp_path / "nowhere")
    assert workshop.log.head() == 0


def test_an_unknown_format_is_refused(workshop, tmp_path):
    from orchestrion.ingest import import_paths

    with pytest.raises(NotFound, match=next(iter(FORMATS))):
        import_paths(workshop.log, workshop.redactor, "parchment", [tmp_path])


def test_a_file_that_cannot_be_read_is_named_and_the_others_go_on(workshop, transcript, tmp_path, monkeypatch):
    good = small(transcript).write(tmp_path / "good.jsonl")
    loop = tmp_path / "bad.jsonl"
    loop.symlink_to("/proc/self/mem")  # opens, but cannot be read: also for root
    report = workshop.bring(loop, good)
    assert "cannot be read" in report.errors[0].error
    assert report.as_json()["recorded"] == 4
    assert report.as_json()["files"] == 1


def test_what_is_neither_file_nor_folder_is_named(workshop, tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe", stat.S_IRUSR)
    assert "neither" in workshop.bring(tmp_path / "pipe").errors[0].error


def test_without_a_path_the_usual_place_is_read(workshop, transcript, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(NotFound):
        workshop.bring()
    small(transcript).write(tmp_path / ".claude" / "projects" / "-home-shop" / "s.jsonl")
    assert workshop.bring().as_json()["recorded"] == 4


def test_each_file_is_read_once_however_often_it_is_named(workshop, transcript, tmp_path):
    path = small(transcript).write(tmp_path / "a" / "s.jsonl")
    assert workshop.bring(path, tmp_path / "a", path).as_json()["files"] == 1


def test_progress_goes_from_nothing_to_all(workshop, transcript, session_of, tmp_path):
    small(transcript).write(tmp_path / "a.jsonl")
    small(session_of("other")).write(tmp_path / "b.jsonl")
    told: list[Progress] = []
    workshop.bring(tmp_path, progress=told.append)
    assert told[-1].done == told[-1].total == sum(p.stat().st_size for p in tmp_path.glob("*.jsonl"))
    assert [each.done for each in told] == sorted(each.done for each in told)
    assert {(each.file, each.files) for each in told} == {(1, 2), (2, 2)}


def test_an_import_that_is_stopped_leaves_whole_blocks_and_goes_on(workshop, session_of, tmp_path):
    long = session_of("long")
    for number in range(600):
        long.user(f"prompt {number} " + "x" * 2000)
    path = long.write(tmp_path / "long.jsonl")

    def stop(told: Progress) -> None:
        if told.done > told.total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        workshop.bring(path, progress=stop)
    assert not workshop.events("import")
    report = workshop.bring(path).as_json()
    assert report["recorded"] == 600
    assert len(workshop.rows("FROM messages")) == 600
    at_once = workshop.fresh("at-once")
    at_once.bring(path)
    assert workshop.tables() == at_once.tables()
