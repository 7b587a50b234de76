"""What lies in a folder or file of pictures: class folders, parts, a manifest, arrays."""
