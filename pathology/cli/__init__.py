"""DOOR: `pathology ...`, one thin file a command, each loaded when called."""
