"""The door for physicians: slides, results and what explains them, in a browser."""
