"""What a file may hold and how its cells are read: our columns and theirs."""
