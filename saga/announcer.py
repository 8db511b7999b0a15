"""Announces outcomes: to a bus for whoever subscribes, and to a topic for operators."""

import json
from collections.abc import Mapping
from typing import Any

from saga.errors import TransientError

SOURCE, DETAIL_TYPE = "travel-saga", "Trip outcome"


class Announcer:
    """Publishes through clients of EventBridge and SNS; `bus` is a bus's name, `topic` a topic's ARN."""

    def __init__(self, events: Any, sns: Any, bus: str, topic: str) -> None:
        """Keep the clients and where to publish."""
        self._events, self._sns, self._bus, self._topic = events, sns, bus, topic

    def publish(self, outcome: Mapping[str, Any]) -> None:
        """Put an outcome on the bus (schemas/outcome.schema.json); raise TransientError if the bus does not take it."""
        entry = {
            "EventBusName": self._bus,
            "Source": SOURCE,
            "DetailType": DETAIL_TYPE,
            "Detail": json.dumps(outcome),
        }
        done = self._events.put_events(Entries=[entry])
        if done["FailedEntryCount"]:
            raise TransientError(f"the bus refused an outcome: {done['Entries'][0].get('ErrorCode')}")

    def alert(self, outcome: Mapping[str, Any]) -> None:
        """Tell operators of a trip that needs attention."""
        self._sns.publish(
            TopicArn=self._topic,
            Subject=f"Trip {outcome['trip_id'][:64]} needs attention",
            Message=json.dumps(outcome),
        )
