"""How much is measured: in full, or quickly to see that it works."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Repetitions of each measurement."""

    calls: int = 300  # warm steps, each way
    singles: int = 60  # sagas one after the other, of each kind and system
    sagas: int = 500  # of each kind, system and concurrency
    block: int = 100  # sagas between two changes of the system
    imports: int = 15  # processes for each module
    small: int = 100  # trips in the small tables of the flatness
    large: int = 100_000  # trips in the large ones
    contenders: int = 64
    seats: int = 32
    soak: int = 2000


FULL = Sizes()
QUICK = Sizes(calls=30, singles=4, sagas=80, block=40, imports=3, small=20, large=1000, contenders=16, seats=8, soak=60)
