"""The state that the embedded AWS keeps from one run to the next, where it needs a hand."""

import json
from pathlib import Path


def forget_stream_positions(state: Path) -> None:
    """Let the functions that read streams begin again at the streams' beginning; `state` is the state's folder.

    The emulator keeps how far each function has read, but not the records: a restart empties the streams, and without
    this no new record would be announced until there are as many as there were before.
    """
    path = state / "lambda.json"
    try:
        kept = json.loads(path.read_text())
        kept["payload"]["dynamodb_stream_positions"]["data"] = {}
    except (OSError, ValueError, KeyError, TypeError):
        return  # nothing is kept yet
    path.write_text(json.dumps(kept))
