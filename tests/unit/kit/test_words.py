"""Words: what was written is found as it is typed, with accents or without, and no query is anything but words."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support_service.kit.words import MOST_TERMS, fold, texts_in, tsqueries, words_of

VOWELS = {
    "a": "àáảãạăằắẳẵặâầấẩẫậ",
    "e": "èéẻẽẹêềếểễệ",
    "i": "ìíỉĩị",
    "o": "òóỏõọôồốổỗộơờớởỡợ",
    "u": "ùúủũụưừứửữự",
    "y": "ỳýỷỹỵ",
    "d": "đ",
}
LETTERS = [(plain, letter) for plain, letters in VOWELS.items() for letter in letters]
LEXEMES = re.compile(r"'[^'\\]+'(?::\*)?(?: [&|] '[^'\\]+'(?::\*)?)*")


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_every_letter_of_vietnamese_is_folded_to_its_plain_one_however_it_is_composed(form: str) -> None:
    assert len(LETTERS) == 67
    for plain, letter in LETTERS:
        for written in (letter, letter.upper()):
            assert fold(unicodedata.normalize(form, written)) == plain, written  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Đơn hàng của tôi chưa tới", "don hang cua toi chua toi"),
        ("Trả lại tiền cho Nguyễn Thị Ánh Tuyết", "tra lai tien cho nguyen thi anh tuyet"),
        ("a\u200bb\u200dc\ufeffd\u00ade", "abcde"),
        ("STRASSE straße", "strasse strasse"),
        ("\uff21\uff22\uff23 \ufb01ne \u2460", "abc fine 1"),
        ("İstanbul", "istanbul"),
        ("한국어", "한국어"),
    ],
)
def test_what_is_folded_has_no_case_no_accents_and_nothing_unseen(written: str, folded: str) -> None:
    assert fold(written) == folded


@given(st.text())
def test_folding_a_folded_text_changes_nothing_nor_does_its_composition(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert words_of(unicodedata.normalize("NFC", text)) == words_of(unicodedata.normalize("NFD", text))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("(see S-1042).", "s-1042"),
        ("order#o-0001", "o-0001"),
        ("Write to Linh.Nguyen@Shop.example!", "linh.nguyen@shop.example"),
        ("call 0912 345 678", "+912345678"),
        ("call (+84) 912-345-678", "+912345678"),
        ("call 0912.345.678", "+912345678"),
        ("call 0912 345 678 2 times", "+912345678"),
        ("of 2 items, 0912 345 678", "+912345678"),
        ("ab_cd", "cd"),
        ("don't", "don"),
    ],
)
def test_what_is_joined_is_a_word_as_a_whole_and_in_parts(text: str, word: str) -> None:
    assert word in words_of(text)


@pytest.mark.parametrize(
    "text", ["room 12 of 2026", "11/26/2026", "12345678", "1234567890123456", "o12345678901", "o-1234567890"]
)
def test_what_is_no_telephone_number_is_not_taken_for_one(text: str) -> None:
    assert not [word for word in words_of(text) if word.startswith("+")]


def test_a_query_is_its_terms_the_last_by_its_beginning() -> None:
    assert tsqueries("Đơn HÀNG s-10") == ["'don'", "'hang'", "'s-10':*"]
    assert tsqueries("refund refund a") == ["'refund'", "'a'"], "one letter begins too much"
    assert tsqueries("+84 912 345 678 late") == ["'+912345678' | '84' & '912' & '345' & '678'", "'late':*"]
    assert tsqueries("o-1234567890") == ["'o-1234567890':*"]
    assert tsqueries("late 0912345678") == ["'late'", "'+912345678' | '0912345678':*"]


@pytest.mark.parametrize("query", ["", "  ", "!!! &&& ***", "\u200b", "' | ''"])
def test_a_query_without_a_word_is_refused(query: str) -> None:
    with pytest.raises(ValueError, match="must hold a word"):
        tsqueries(query)


def test_a_query_of_too_many_words_is_refused() -> None:
    assert len(tsqueries(" ".join(f"w{n}" for n in range(MOST_TERMS)))) == MOST_TERMS
    with pytest.raises(ValueError, match="at most 10 words"):
        tsqueries(" ".join(f"w{n}" for n in range(MOST_TERMS + 1)))


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("'\"\\|&!():*<->%;-."))))
def test_no_query_holds_an_operator_that_somebody_typed(query: str) -> None:
    try:
        found = tsqueries(query)
    except ValueError:
        return
    assert all(LEXEMES.fullmatch(each) for each in found)


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4))
def test_every_word_of_a_text_is_found_by_itself(parts: list[str]) -> None:
    words = words_of(" ".join(parts))
    for word in (word for word in words if not word.startswith("+")):
        (query,) = tsqueries(word)
        assert f"'{word}'" in query


def test_the_words_of_the_longest_text_fit_into_a_row_with_room_to_spare() -> None:
    joined = words_of("".join(f"a{n}.b.c.d.e.f.g.h " for n in range(1_200))[:20_000])
    wide = words_of(" ".join(chr(0x1F000 + n) + chr(0x20000 + n) * 60 for n in range(300)))
    for words in (joined, wide):
        assert len(words) > 100
        assert sum(len(word.encode()) for word in words) <= 65_536
        assert max(map(len, words)) <= 64


def test_texts_are_found_however_deep_they_lie() -> None:
    contact = {"email": "a@b.example", "n": 7, "more": [{"phone": "0912"}, None, ["x"]]}
    assert list(texts_in(contact)) == ["a@b.example", "0912", "x"]
    assert list(texts_in(None)) == []
