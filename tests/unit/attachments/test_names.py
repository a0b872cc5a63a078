"""Names of files: any script passes, what hides or leads elsewhere does not, and a header shows each as it is."""

import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support_service.attachments.names import LONGEST_NAME, checked, disposition, ending_of


@pytest.mark.parametrize(
    "name",
    [
        "Hóa đơn số 7.pdf",
        "فاتورة رقم ٧.pdf",  # noqa: RUF001 - Arabic is meant
        "می\u200cخواهم.pdf",  # noqa: RUF001 - Persian, which needs its non-joiner
        "发票.pdf",
        "👨\u200d👩\u200d👧 ở biển.png",
        "a.tar.gz",
        "x" * 251 + ".pdf",
        "quote \" and 'single' ; and, %.txt",
        ".hidden.txt",
    ],
)
def test_names_of_any_script_are_taken(name: str) -> None:
    assert checked(name) == name


def test_a_name_is_kept_in_the_form_in_which_equal_names_are_equal() -> None:
    assert checked(unicodedata.normalize("NFD", "Hóa đơn.pdf")) == unicodedata.normalize("NFC", "Hóa đơn.pdf")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x" * 252 + ".pdf",
        "no ending",
        "ends.with.dot.",
        ".pdf",
        "..",
        "a.p df",
        "a.pđf",
        " a.pdf",
        "a.pdf ",
        "\u200da.pdf",
        "../a.pdf",
        "..\\a.pdf",
        "/etc/passwd.txt",
        "a\x00.pdf",
        "a\r\nset-cookie: x.pdf",
        "a\u202efdp.exe.pdf",
        "a\u2066b\u2069.pdf",
        "a\u200b.pdf",
        "invoice.p\u200bdf",
        "invoice.p\u200ddf",
        "a\ufeff.pdf",
        "a\u2028b.pdf",
        "a\u00ad.pdf",
        "a\ud800.pdf",
    ],
)
def test_what_is_no_name_or_hides_what_it_is_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        checked(name)


@given(st.text(max_size=LONGEST_NAME))
def test_whatever_is_taken_is_shown_whole_and_fits_one_header_line(text: str) -> None:
    try:
        name = checked(text + ".pdf")
    except ValueError:
        return
    header = disposition(name)
    assert header.isascii()
    assert header.isprintable()
    assert header.startswith("attachment; filename=")
    assert header.count('"') == 2
    assert unquote(header.partition("filename*=UTF-8''")[2]) == name
    assert ending_of(name) == "pdf"
