"""How far the stages of a network trained on A serve B."""
