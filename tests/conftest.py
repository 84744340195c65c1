"""What holds for every test."""

import asyncio

# Until Python 3.14 the main thread is given an event loop by whoever asks first.  pytest-asyncio asks before each async
# test and never closes what it was given: one unclosed loop, and warnings are errors here.  Say that there is none.
asyncio.set_event_loop(None)
