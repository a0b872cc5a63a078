"""What the mail gateway reads in mails, whatever their charsets are."""

import base64
import quopri

import pytest
from examples.mail_gateway.reading import header, one_line, parse, sender_of, text_of, words_of
from hypothesis import example, given
from hypothesis import strategies as st

VIETNAMESE = "Tôi chưa nhận được hàng, xin kiểm tra giúp."
IN_1258 = "Tôi chưa nhâ\u0323n đươ\u0323c ha\u0300ng, xin kiê\u0309m tra giu\u0301p.".encode("cp1258")


def raw(body: bytes, content_type: str, encoding: str = "8bit", head: bytes = b"") -> bytes:
    return (
        head
        + f"MIME-Version: 1.0\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
        + body
    )


@pytest.mark.parametrize(
    "given_mail",
    [
        raw(quopri.encodestring(VIETNAMESE.encode()), "text/plain; charset=utf-8", "quoted-printable"),
        raw(base64.encodebytes(VIETNAMESE.encode()), 'text/plain; charset="UTF-8"', "base64"),
        raw(VIETNAMESE.encode(), "text/plain; charset=utf-8"),
        raw(VIETNAMESE.encode(), "text/plain"),
        raw(VIETNAMESE.encode(), "text/plain; charset=no-such-charset"),
        raw(VIETNAMESE.encode(), "text/plain; charset=us-ascii"),
        raw(IN_1258, "text/plain; charset=windows-1258"),
        raw(base64.encodebytes(IN_1258), "text/plain; charset=cp1258", "base64"),
    ],
)
def test_vietnamese_is_read_in_every_charset_and_also_where_that_is_wrong_or_missing(given_mail: bytes) -> None:
    assert text_of(parse(given_mail)) == VIETNAMESE


def test_what_is_of_no_charset_at_all_is_read_as_far_as_it_goes() -> None:
    assert text_of(parse(raw(b"caf\xe9 \x81", "text/plain; charset=utf-8"))).startswith("café")


def test_a_mail_in_html_alone_becomes_text_without_its_scripts_and_styles() -> None:
    html = (
        "<html><head><title>x</title><style>p {color: red}</style></head><body><p>Xin ch&agrave;o,</p>"
        "<div>đơn <b>o-1</b><br>chưa đến &lt;gấp&gt;</div><script>alert(1)</script></body></html>"
    )
    assert text_of(parse(raw(html.encode(), "text/html; charset=utf-8"))) == "Xin chào,\n\nđơn o-1\nchưa đến <gấp>"


def test_of_both_the_plain_text_is_taken_and_attachments_are_named() -> None:
    body = (
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>html</p>\r\n--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n> quoted\r\n"
        b'--b\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename="a.png"\r\n\r\nxx\r\n'
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\nanother's words\r\n--b--\r\n"
    )
    read = text_of(parse(raw(body, "multipart/mixed; boundary=b", "7bit")))
    assert read == "plain\n> quoted\n[Not kept: a.png]\n[Not kept: message/rfc822]"


def test_a_long_mail_is_cut_and_says_so_and_an_empty_one_says_that() -> None:
    long = text_of(parse(raw(b"x" * 30_000, "text/plain")))
    assert (len(long), long[-6:]) == (20_000, "x\n[Cut]"[-6:])
    assert text_of(parse(raw(b"", "text/plain"))) == "(no text)"
    assert "\x00" not in text_of(parse(raw(b"a\x00b", "text/plain")))


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("=?utf-8?B?xJDGoW4gaMOgbmc=?=", "Đơn hàng"),
        ("=?utf-8?q?=C4=90=C6=A1n?=\r\n =?utf-8?q?_h=C3=A0ng?=", "Đơn hàng"),
        ("=?iso-8859-1?q?caf=E9?= noir", "café noir"),
        ("=?no-such?q?=C4=90=C6=A1n?=", "Đơn"),
        ("=?utf-8?q?a=0D=0ABcc:_x@y.example?=", "a Bcc: x@y.example"),
        ("Đơn hàng", "Đơn hàng"),
        ("=?utf-8?b?x?=", "=?utf-8?b?x?="),
    ],
)
def test_headers_are_decoded_and_stay_on_one_line(head: str, words: str) -> None:
    assert words_of(header(parse(b"Subject: " + head.encode() + b"\r\n\r\n"), "subject")) == words


def test_a_name_that_looks_like_an_address_is_none() -> None:
    encoded = base64.b64encode(b"victim@shop.example <victim@shop.example>, x").decode()
    name, address = sender_of(parse(f"From: =?utf-8?b?{encoded}?= <Real@Customer.example>\r\n\r\n".encode()))
    assert (name, address) == ("victim@shop.example <victim@shop.example>, x", "real@customer.example")


def test_parts_nested_without_end_are_read_as_they_stand() -> None:
    inner = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(2_000))
    mail = parse(b"From: a@b.example\r\n" + inner)
    assert sender_of(mail) == ("", "a@b.example")
    assert text_of(mail)


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1
    assert one_line(text).isprintable() or not any(
        each in one_line(text) for each in "\r\n\0\x0b\x0c\x1c\x85\u2028\u2029"
    )


@given(st.binary(max_size=2_000))
@example(b"\0")
def test_whatever_comes_is_read_as_some_text(data: bytes) -> None:
    mail = parse(data)
    assert 0 < len(text_of(mail)) <= 20_000
    sender_of(mail)
    words_of(header(mail, "Subject"))
