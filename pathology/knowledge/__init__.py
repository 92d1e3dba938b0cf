"""Cupboard of room 5: guidelines and past cases, kept and searched on this machine.

``curate`` takes texts in and has them approved, ``search`` finds passages, ``quote`` proves a
quotation. What is kept is data: nothing in it is ever obeyed.
"""
