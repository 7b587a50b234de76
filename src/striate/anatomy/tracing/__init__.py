"""A pass through a network on the meta device: what each operation costs, and what it sees."""
