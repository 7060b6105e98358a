"""Tokens of the REST interface: only their hash is stored, and they end when they expire or are revoked."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from store.commands import CommandRefused
from store.commands.api_tokens import add_token, revoke_token
from store.database import Store
from store.projections.rebuild import rebuild
from store.queries.api_tokens import api_tokens, find_token
from store.schema import api_tokens as table


def state_of(store: Store, text: str) -> str | None:
    found = find_token(store, text)
    return found and found.state


def test_a_token_is_found_by_its_text_which_is_not_stored(store: Store) -> None:
    text = add_token(store, "ci", "review", days=30)
    found = find_token(store, text)
    assert found and (found.name, found.scope, found.state) == ("ci", "review", "valid")
    assert found.expires_at and (found.expires_at - found.made_at).days in (29, 30)
    assert find_token(store, text[:-1]) is None and find_token(store, "") is None
    with store.read() as connection:
        assert text not in repr(connection.execute(select(table)).all())


def test_a_revoked_token_and_an_expired_one_are_no_longer_valid_and_the_name_is_free(store: Store) -> None:
    first = add_token(store, "ci", "view")
    with pytest.raises(CommandRefused, match="there is a token 'ci' already"):
        add_token(store, "ci", "operate")
    revoke_token(store, "ci")
    second = add_token(store, "ci", "operate", days=1)
    assert [state_of(store, text) for text in (first, second)] == ["revoked", "valid"]
    with store.write() as connection:
        connection.execute(update(table).where(table.c.revoked_at.is_(None)).values(expires_at="2026-01-01T00:00:00Z"))
    assert state_of(store, second) == "expired"
    assert add_token(store, "ci", "view") and len(api_tokens(store)) == 3


@pytest.mark.parametrize(("name", "scope", "days", "sentence"), [
    ("", "view", None, "'' is no name of a token"),
    ("ci token", "view", None, "'ci token' is no name"),
    ("ci", "admin", None, "scope 'admin': use one of view, review, operate"),
    ("ci", "view", 0, "0 days: use 1 to 3650"),
])
def test_what_is_no_token_is_refused_and_nothing_is_written(store: Store, name: str, scope: str, days: int | None,
                                                            sentence: str) -> None:
    with pytest.raises(CommandRefused, match=sentence):
        add_token(store, name, scope, days)
    assert api_tokens(store) == []


def test_revoking_what_is_not_there_is_refused(store: Store) -> None:
    with pytest.raises(CommandRefused, match="no token 'ci' that could be revoked"):
        revoke_token(store, "ci")


def test_tokens_stay_when_the_read_models_are_rebuilt(store: Store) -> None:
    text = add_token(store, "ci", "view")
    with store.write() as connection:
        rebuild(connection)
    assert state_of(store, text) == "valid"
