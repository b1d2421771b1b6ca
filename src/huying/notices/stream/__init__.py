"""Live updates to browsers: a small ASGI application of its own, fed by LISTEN/NOTIFY."""

from huying.notices.stream.face import application

__all__ = ["application"]
