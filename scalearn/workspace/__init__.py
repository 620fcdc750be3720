"""The work directory that campaigns share: their starts, the owners of tables, damaged files and unneeded files."""
