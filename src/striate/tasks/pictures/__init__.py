"""Tasks whose answer is a picture: reconstruction, denoising, colorization, super-resolution."""
