"""The machine check of a draft: reads finished text and knows nothing of how it was made.

It shares no code with the filler. What passes is *machine-checked*; "verified" is the physician's.
"""
