"""A campaign as one self-contained page: tables, figures, the runs behind each cell, cost and provenance."""
