"""How a file comes: whole, in parts, from an address; sealed until it is processed."""
