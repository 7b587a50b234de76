"""Layers that the first networks had and later ones left: LeNet-5's, and AlexNet's norm."""
