"""Sound rows into the database: consent asked, acts told apart, the rest held back."""
