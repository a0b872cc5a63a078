"""UUIDv7: ours to make, so ours to prove."""

import time
from datetime import UTC, datetime

from support_service.kit.ids import first_id_at, new_id


def test_an_id_is_a_version_7_uuid_of_the_rfc_variant_that_carries_its_time() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id()
    after = time.time_ns() // 1_000_000
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert before <= made.int >> 80 <= after


def test_ids_never_repeat_and_later_ones_sort_after() -> None:
    first = new_id()
    time.sleep(0.002)
    later = [new_id() for _ in range(10_000)]
    assert len(set(later)) == len(later)
    assert all(first < one for one in later)


def test_the_first_id_of_a_moment_lies_between_those_made_before_and_those_made_after() -> None:
    earlier = new_id()
    time.sleep(0.003)
    first = first_id_at(datetime.now(UTC))
    time.sleep(0.003)
    assert earlier < first < new_id()
