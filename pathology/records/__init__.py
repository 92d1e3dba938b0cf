"""The floor: frozen nouns handed from room to room. numpy and the standard library, no I/O."""
