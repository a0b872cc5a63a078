"""Kafka: what the shop tells comes from it, what happens to cases goes to it."""

from support_service.adapters.kafka.events import KafkaEvents
from support_service.adapters.kafka.publisher import KafkaPublisher
from support_service.adapters.kafka.replay import KafkaReplay

__all__ = ["KafkaEvents", "KafkaPublisher", "KafkaReplay"]
