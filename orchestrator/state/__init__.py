"""What the daemon knows: the object store with its watchers, the journal on disk, and Events.

Nothing here talks to the engine.  The store is the only holder of objects; everyone else watches it.
"""
