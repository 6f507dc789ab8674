import pytest

from ledgerly import storage


@pytest.fixture
def db():
    connection = storage.connect()
    yield connection
    connection.close()


def test_notes_are_found_by_owner(db):
    storage.add_note(db, "ada", "engines")
    storage.add_note(db, "bob", "bread")
    assert storage.find_notes(db, "ada") == ["engines"]


def test_notes_are_found_by_tag(db):
    storage.add_note(db, "ada", "engines #work")
    storage.add_note(db, "ada", "roses #home")
    assert storage.find_notes(db, "ada", ["#home"]) == ["roses #home"]


def test_an_owner_may_have_an_apostrophe(db):
    storage.add_note(db, "o'hara", "tomorrow")
    assert storage.find_notes(db, "o'hara") == ["tomorrow"]
