"""Room 2: where to look on a slide, and the tiles in the order of the file."""
