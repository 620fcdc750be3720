"""Score records, the scores table and result tables: from predictions to what is read. Imports no torch."""
