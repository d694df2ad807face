"""The built-in model `pocket`: networks, drawn data and helpers shared by the training scripts."""
