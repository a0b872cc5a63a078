"""Both READMEs say the same: the same commands to the letter, the same pages to read on, the same parts in the same order."""

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
ENGLISH, VIETNAMESE = ((CHECKOUT / name).read_text("utf-8") for name in ("README.md", "README.vi.md"))
THE_OTHER = {"README.md", "README.vi.md"}


def commands(readme: str) -> list[str]:
    return re.findall(r"^```sh\n(.+?)^```$", readme, re.MULTILINE | re.DOTALL)


def links(readme: str) -> list[str]:
    return [link for link in re.findall(r"\]\(([^)]+)\)", readme) if link not in THE_OTHER]


def test_the_commands_are_the_same_to_the_letter() -> None:
    assert len(commands(ENGLISH)) > 2
    assert commands(VIETNAMESE) == commands(ENGLISH)


def test_they_have_the_same_parts_and_lead_to_the_same_pages() -> None:
    assert VIETNAMESE.count("\n## ") == ENGLISH.count("\n## ")
    assert VIETNAMESE.count("\n- **") == ENGLISH.count("\n- **")
    assert links(VIETNAMESE) == links(ENGLISH)


def test_what_they_lead_to_is_there_and_every_page_of_the_docs_can_be_reached() -> None:
    assert [link for link in links(ENGLISH) if not (CHECKOUT / link).exists()] == []
    reached = {(CHECKOUT / link).resolve() for link in links(ENGLISH)}
    for page in list(reached):
        if page.suffix == ".md":
            reached |= {(page.parent / link).resolve() for link in links(page.read_text("utf-8"))}
    assert set((CHECKOUT / "docs").glob("*.md")) - reached == set()
