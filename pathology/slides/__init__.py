"""Room 1: a file becomes a ``Slide``. One backend a file, decided once, no second guesses."""
