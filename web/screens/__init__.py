"""The pages, one module per audience; `shell` puts the frame around them."""
