"""Problems: RFC 9457 bodies derived from the class."""

from support_service.kit.problems import Conflict, NotFound


class OrderGone(NotFound):
    """The order is not there any more.

    More about it.
    """


def test_a_problem_takes_its_type_from_its_name_and_its_title_from_its_docstring() -> None:
    assert OrderGone("It left in May.", order="o-1").body() == {
        "type": "urn:support-service:problem:order-gone",
        "title": "The order is not there any more.",
        "status": 404,
        "detail": "It left in May.",
        "order": "o-1",
    }


def test_without_a_detail_the_title_stands_for_it() -> None:
    assert Conflict().body()["detail"] == Conflict.title
