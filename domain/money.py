"""How a sum of money is written: in dollars, to the micro-dollar where it is small."""

MICRO = 1_000_000
"""Micro-dollars in a dollar; all prices and costs are whole micro-dollars."""
UNKNOWN = "unknown"


def dollars(microdollars: float | None, unpriced: int = 0) -> str:
    """`$1,234.57`, `$0.000123`; `≥ $1.20` where the price of `unpriced` requests is not known, `unknown` of all."""
    if microdollars is None:
        return UNKNOWN
    amount = microdollars / MICRO
    sum_ = f"${amount:,.2f}" if amount >= 1 or amount == 0 else f"${amount:.6f}".rstrip("0").ljust(len("$0.00"), "0")
    return f"≥ {sum_}" if unpriced else sum_
