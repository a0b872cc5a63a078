"""Cursors: what one list gives out comes back whole, and nothing else is taken."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support_service.kit.paging import InvalidCursor, cut, decode_cursor, encode_cursor, id_in


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


@pytest.mark.parametrize("there", [0, 1, 3])
def test_a_page_that_is_the_last_one_has_no_cursor(there: int) -> None:
    assert cut(range(there), 3, int) == (range(there), None)


def test_a_cursor_leads_on_from_the_last_row_that_is_shown() -> None:
    ids = [UUID(int=n) for n in range(4)]
    shown, more = cut(ids, 3, lambda one: one)
    assert (shown, more and id_in(more)) == (ids[:3], ids[2])
    assert cut(range(4), 3, int)[1] == encode_cursor([2])
