"""Files by content: stored once under their SM3 digest, typed by what they contain, never served inline."""
