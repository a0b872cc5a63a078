"""Cursors: what one list gives out comes back whole, and nothing else is taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support_service.kit.paging import InvalidCursor, decode_cursor, encode_cursor


@given(text=st.text(max_size=60), number=st.integers(-(2**60), 2**60))
def test_a_cursor_gives_back_the_key_it_was_made_from(text: str, number: int) -> None:
    assert decode_cursor(encode_cursor([text, number]), (str, int)) == [text, number]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "not base64 !",
        "e30",  # an object
        "WzFd",  # one member, two wanted
        "WzEsIjIiXQ",  # members of the wrong types
        "WyJhIix0cnVlXQ",  # a boolean is not a number
        "é",
        "A" * 600,
    ],
)
def test_what_this_list_did_not_give_out_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        decode_cursor(cursor, (str, int))
