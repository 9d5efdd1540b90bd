"""What the embedded cloud keeps on disk: a journal of values, snapshots, what becomes of damaged files.

One idea: a record is a value under a key. Replaying it twice, or over a newer snapshot, changes nothing.
"""
