"""An opened file as batches of rows, whatever it is written in or packed with."""
