"""The post room: records become files that other programs read, and files become records."""
