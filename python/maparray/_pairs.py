"""Functions with two results.

Knows: their names. Must not know: how they are computed.
"""

from typing import Any

from ._maparray import eval_many


def divmod(a: Any, b: Any) -> tuple[Any, Any]:
    """The quotient rounded down and the remainder, element by element."""
    quotient, remainder = eval_many(["divmod(a, b)[0]", "divmod(a, b)[1]"], a=a, b=b)
    return quotient, remainder


def frexp(a: Any) -> tuple[Any, Any]:
    """A mantissa between 1/2 and 1 and its power of two, element by element."""
    mantissa, exponent = eval_many(["frexp(a)[0]", "frexp(a)[1]"], a=a)
    return mantissa, exponent


def modf(a: Any) -> tuple[Any, Any]:
    """The part behind the point and the whole part, element by element."""
    fraction, whole = eval_many(["modf(a)[0]", "modf(a)[1]"], a=a)
    return fraction, whole
