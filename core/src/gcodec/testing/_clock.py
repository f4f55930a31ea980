"""Another time: what tells whether a decoder looks at the clock."""

from __future__ import annotations

import datetime
import time
from importlib.machinery import ExtensionFileLoader
from typing import Any

__all__ = ["shift_clock"]

#: Seconds by which the clock is ahead: more than a year, and no whole number of days.
_AHEAD = 400 * 86_400 + 20_123


_real = datetime.datetime
_ahead = datetime.timedelta(seconds=_AHEAD)


class _Kind(type):
    """What makes the times that the C code of `datetime` returns instances of `_Datetime`."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, _real)


class _Datetime(datetime.datetime, metaclass=_Kind):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return _real.now(tz) + _ahead

    @classmethod
    def utcnow(cls) -> Any:
        return _real.now(datetime.UTC).replace(tzinfo=None) + _ahead

    @classmethod
    def today(cls) -> Any:
        return _real.now() + _ahead


class _Date(datetime.date):
    @classmethod
    def today(cls) -> Any:
        return (_real.now() + _ahead).date()


_REAL: dict[str, Any] = {"datetime": datetime.datetime, "date": datetime.date}
_SHIFTED: dict[str, Any] = {"datetime": _Datetime, "date": _Date}


def shift_clock() -> None:
    """Set what Python's own modules say of the time of day ahead, for whatever is imported after this call."""
    now, now_ns, strftime = time.time, time.time_ns, time.strftime
    changed: dict[str, Any] = {
        "time": lambda: now() + _AHEAD,
        "time_ns": lambda: now_ns() + _AHEAD * 10**9,
        "strftime": lambda form, at=None: strftime(form, at or time.localtime()),
    }
    for name in ("gmtime", "localtime", "ctime"):
        changed[name] = _at(getattr(time, name))
    for name, function in changed.items():
        setattr(time, name, function)
    _put(_SHIFTED)
    for name in ("create_module", "exec_module"):
        setattr(ExtensionFileLoader, name, _as_ever(getattr(ExtensionFileLoader, name)))


def _as_ever(load: Any) -> Any:
    """Load a compiled module with the classes that it was compiled for: derived from others, its own crash (pandas')."""

    def loaded(*arguments: Any) -> Any:
        before = {name: getattr(datetime, name) for name in _REAL}
        _put(_REAL)
        try:
            return load(*arguments)
        finally:
            _put(before)

    return loaded


def _put(classes: dict[str, Any]) -> None:
    for name, made in classes.items():
        setattr(datetime, name, made)


def _at(function: Any) -> Any:
    """The function of a time, or of now."""
    return lambda seconds=None: function(time.time() if seconds is None else seconds)
