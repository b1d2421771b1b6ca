"""Copies of a county on the embedded server: base backups, the log as it is written,
attachments; and the way back to any moment. A county on a server of its own is dumped
(huying.config.backups), and its server's own tools keep the log.
"""
