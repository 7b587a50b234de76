"""What `striate check` tells of a folder, and why one cannot be trained on."""
