"""Functions with two results.

Knows: their names. Must not know: how they are computed.
"""

from typing import Any

from ._maparray import eval


def divmod(a: Any, b: Any) -> tuple[Any, Any]:
    """The quotient rounded down and the remainder, element by element."""
    return eval("divmod(a, b)[0]", a=a, b=b), eval("divmod(a, b)[1]", a=a, b=b)


def frexp(a: Any) -> tuple[Any, Any]:
    """A mantissa between 1/2 and 1 and the power of two it is multiplied with, element by element."""
    return eval("frexp(a)[0]", a=a), eval("frexp(a)[1]", a=a)


def modf(a: Any) -> tuple[Any, Any]:
    """The part behind the point and the whole part, element by element."""
    return eval("modf(a)[0]", a=a), eval("modf(a)[1]", a=a)
