"""The workshop: labelled images in, networks and their measured results out."""
