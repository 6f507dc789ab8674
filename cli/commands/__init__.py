"""One file a noun, one function a verb."""
