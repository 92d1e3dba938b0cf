"""ROOM 3: tiles -> nuclei and tissue maps, with classical means (the baseline) or a network."""
