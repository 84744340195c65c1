"""Kubernetes-shaped objects: types, decoding, defaults, validation.  Pure: no IO, no clock, no asyncio.

Every object is a frozen msgspec struct whose field names are Kubernetes' own (camelCase outside, snake_case inside).
"""
