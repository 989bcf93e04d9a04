"""Which rows are sound: chains of pure steps. No database."""
