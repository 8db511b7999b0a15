"""Measures of the stage as a whole, put into CloudWatch; what one call can tell is in its line (telemetry.py)."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from saga import telemetry

NEEDS_ATTENTION = "TripsNeedingAttention"
OLDEST = "OldestUnfinishedSeconds"


class Gauges:
    """Puts values through a client of CloudWatch into the namespace of a stage."""

    def __init__(self, client: Any, namespace: str) -> None:
        """Keep the client and the namespace."""
        self._client, self._namespace = client, namespace

    def put(self, **values: float) -> None:
        """Put the current values, by metric name; what measures a trip must not keep it from being looked after."""
        data = [{"MetricName": name, "Value": value} for name, value in values.items()]
        try:
            self._client.put_metric_data(Namespace=self._namespace, MetricData=data)
        except (ClientError, BotoCoreError) as error:
            telemetry.note("not measured", error)
