"""The archive: cases, slides, work and its outcomes, accounts, and the audit chain."""
