import pytest

from ledgerly import auth, storage
from ledgerly.service import Service


@pytest.fixture
def db():
    connection = storage.connect()
    auth.register(connection, "ada", "correct horse")
    yield connection
    connection.close()


def test_the_right_password_gives_a_token(db):
    assert len(auth.login(db, "ada", "correct horse")) == 32


def test_a_wrong_password_gives_none(db):
    assert auth.login(db, "ada", "wrong") is None


def test_a_name_cannot_hold_sql(db):
    assert auth.login(db, "ada' --", "whatever") is None


def test_the_endpoint_answers_with_a_status(db):
    service = Service(db)
    assert service.post_login({"name": "ada", "password": "correct horse"})["status"] == "200"
    assert service.post_login({"name": "ada", "password": "no"})["status"] == "401"
