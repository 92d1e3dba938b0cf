"""Room 5: findings -> facts -> draft -> machine-checked report. The model writes no number."""
