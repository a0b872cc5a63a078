"""Histograms that take batches."""

from prometheus_client import CollectorRegistry, Histogram

from support_service.kit.metrics import BatchHistogram

BUCKETS = (0.5, 1, 2)
AMOUNTS = (0.0, 0.5, 0.500001, 1, 1.5, 2, 7, 7)


def test_a_batch_counts_as_each_of_its_amounts() -> None:
    of_batches = BatchHistogram("h", "h", ["a"], buckets=BUCKETS, registry=(ours := CollectorRegistry()))
    one_by_one = Histogram("h", "h", ["a"], buckets=BUCKETS, registry=(theirs := CollectorRegistry()))
    of_batches.labels("x").observe_all(AMOUNTS[:3])
    of_batches.labels("x").observe_all(AMOUNTS[3:])
    for amount in AMOUNTS:
        one_by_one.labels("x").observe(amount)
    taken, told = (
        {(sample.name, sample.labels.get("le")): sample.value for metric in one.collect() for sample in metric.samples}
        for one in (ours, theirs)
    )
    assert {key: value for key, value in taken.items() if key[0] != "h_created"} == {
        key: value for key, value in told.items() if key[0] != "h_created"
    }
