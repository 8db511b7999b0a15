"""What a function sees of an item: only what it looks at, so that situations which differ in the rest are one."""

from typing import Any, Self

from saga.ports import Item, Key

_LOOKS = {"status", "saga_id"}
_BEGUN = {*_LOOKS, "trip_id", "request"}
_UNDOES = {*_BEGUN, "runs", "undo", "undos", "booked", "goal"}

RECORD = {
    "BeginSaga": _BEGUN,
    "BeginCancellation": {*_BEGUN, "runs", "undo", "booked"},
    "EndSaga": {*_LOOKS, "booked", "goal"},
    "DELETE": {*_UNDOES, "owner", "shard"},
    "Reconcile": {*_UNDOES, "execution"},
    "Repair": _UNDOES,
    "POST": _BEGUN,
}
"""What each function looks at in a trip's record; all others at its status and whose it is."""

BOOKING = {*_LOOKS, "takes"}
"""What all look at in a booking."""


class Seen(dict[str, Any]):
    """What is seen of an item; to ask for anything else is an error of this page."""

    def __init__(self, item: Item, names: set[str]) -> None:
        super().__init__({name: value for name, value in item.items() if name in names})
        self._names = names

    def __getitem__(self, name: str) -> Any:
        return super().__getitem__(self._may(name))

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(self._may(name), default)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(self._may(name))

    def __or__(self, other: Any) -> "Seen":  # type: ignore[override]
        return Seen({**self, **other}, {*self._names, *other})

    def __ior__(self, other: Any) -> Self:  # type: ignore[override,misc]
        self._names = {*self._names, *other}
        self.update(other)
        return self

    def _may(self, name: Any) -> Any:
        assert name in self._names, f"{name} is hidden: let the function see it"
        return name


def seen(function: str, key: Key, item: Item | None) -> Item | None:
    """Return an item as a function sees it."""
    if item is None or key.id.startswith(("OFFER#", "TAKEN#")) or key.entry.startswith("LOG#"):
        return item
    return Seen(item, RECORD.get(function, _LOOKS) if key.entry else BOOKING)
