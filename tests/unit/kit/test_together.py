"""Statements that go together keep their own parameters."""

from support_service.kit.together import joined


def test_a_statement_alone_stays_as_it_is() -> None:
    assert joined(("DELETE FROM a WHERE b = $1",), ()) == "DELETE FROM a WHERE b = $1"


def test_parameters_are_counted_on_from_statement_to_statement() -> None:
    text = joined(("INSERT INTO a VALUES ($1, $2, $1)", "DELETE FROM b", "SELECT $10, $2"), (2, 0))
    assert text == (
        "WITH together_0 AS (\nINSERT INTO a VALUES ($1, $2, $1)\n),\ntogether_1 AS (\nDELETE FROM b\n)\nSELECT $12, $4"
    )
