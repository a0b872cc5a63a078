"""What the ETag of a page tells the next process that is asked."""

from datetime import UTC, datetime, timedelta

from support_service.ports.cache import CachedBody
from support_service.timeline.tags import PageState, newest_seen, older, tag_of

NAME = "tl:{c-1}:o-1:clear:1"
AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def page(generation: int, *, later_s: float = 0.0) -> CachedBody:
    return CachedBody(NAME, generation, AT + timedelta(seconds=later_s), b"{}")


def tag(of: CachedBody, name: str = NAME) -> str:
    return tag_of(name, of)


def test_a_tag_says_which_page_it_is_of_and_how_far_that_was() -> None:
    told = tag(page(7))
    seen = newest_seen(told, NAME)
    assert seen == PageState.of(page(7))
    assert not older(page(7), seen)
    assert not older(page(7, later_s=1), seen)
    assert not older(page(8, later_s=-1), seen)
    assert older(page(7, later_s=-0.000001), seen)
    assert older(page(6, later_s=5), seen)


def test_of_several_tags_weak_ones_and_those_of_a_case_included_the_newest_counts() -> None:
    for case in ('"12-', '"12-3-'):
        header = f"{tag(page(7))}, W/{tag(page(8))}, {case + tag(page(9))[1:]}"
        assert newest_seen(header, NAME) == PageState.of(page(9))


def test_what_is_not_a_tag_of_this_page_says_nothing() -> None:
    other = tag(page(7), "tl:{c-1}:o-1:masked:1")
    for header in (None, "", "*", '"7"', '"x-y-z"', "7-1-00000000", '"' + "9" * 40 + '-1-00000000"', other):
        assert newest_seen(header, NAME) is None
