"""The unattended night: orders in, what to begin when, and what is to be expected of it."""
