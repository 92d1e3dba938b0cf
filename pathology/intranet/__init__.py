"""The one way out of the building: HTTP to servers of the house, and to nothing else.

``door.Door`` is what rooms use. It checks the address that a name leads to and connects to that
very address; it ignores proxy variables and ``.netrc``, follows no redirect, and needs TLS beyond
this machine.
"""
