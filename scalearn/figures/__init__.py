"""Vega-Altair charts of tables and runs: one definition for SVG, PDF, PNG and the report."""
