"""Every picture of a listing decoded once, in child processes, into one array that is kept."""
