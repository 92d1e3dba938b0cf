"""Room 5: findings -> facts -> draft -> machine-checked report. A model writes no number here."""
