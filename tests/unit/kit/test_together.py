"""Statements that go together keep their own parameters."""

from support_service.kit.together import Step, joined


def test_a_statement_alone_stays_as_it_is() -> None:
    assert joined((), "DELETE FROM a WHERE b = $1") == "DELETE FROM a WHERE b = $1"


def test_parameters_are_counted_on_from_statement_to_statement() -> None:
    text = joined(
        (Step("made", "INSERT INTO a VALUES ($1, $2, $1)", 2), Step("gone", "DELETE FROM b", 0)), "SELECT $10, $2"
    )
    assert text == "WITH made AS (\nINSERT INTO a VALUES ($1, $2, $1)\n),\ngone AS (\nDELETE FROM b\n)\nSELECT $12, $4"
