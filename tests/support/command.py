"""The command line as an operator runs it: a process of its own with the settings of a running service."""

import os
import subprocess
import sys

from support.service import RunningService


def run_command(service: RunningService, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run `support-service <words>` to its end."""
    settings = service.worker.settings
    environment = {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "DEMO": "true",
        "LOCAL_ISSUER_KEY": str(settings.local_issuer_key),
        "COLUMNS": "200",
    }
    if settings.kafka_servers is not None:
        environment |= {
            "KAFKA_SERVERS": settings.kafka_servers,
            "KAFKA_TOPICS": ",".join(f"{type_}={topic}" for type_, topic in settings.kafka_topics.items()),
            "KAFKA_GROUP": settings.kafka_group,
        }
    command = [sys.executable, "-m", "support_service.entrypoints.cli", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | environment)
