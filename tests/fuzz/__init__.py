"""Hostile and odd input for the loader of specs.

`properties` says what must hold of any bytes.  Three look for bytes of which it does not: `test_documents` mutates
documents made from our own types (hypothesis), `python -m tests.fuzz` lets atheris follow what the code does with its
bytes (`make fuzz`, and shortly in every run of the tests), and `test_hostile` runs `validate` on what is known to hurt.
What once broke the loader stays in `cases/`, each file named after what it is.
"""
