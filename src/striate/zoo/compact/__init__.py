"""Networks for little memory and few multiplications."""
