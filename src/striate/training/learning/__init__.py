"""What changes the weights: optimisers, the learning rate over a training, the average."""
