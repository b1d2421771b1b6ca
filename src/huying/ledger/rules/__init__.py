"""The ledger's pure part: what an entry is, how the tree grows, what a proof proves.

entries.py   one sealed entry: canonical bytes, commitments, bundles
merkle.py    RFC 6962 hashing, growth, inclusion and consistency proofs
tiles.py     C2SP tlog-tiles: which tile holds what, under which path
notes.py     C2SP signed notes, checkpoints and cosignatures
"""
