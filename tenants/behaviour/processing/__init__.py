"""One upload from its file to its report, and the rows that it left out."""
