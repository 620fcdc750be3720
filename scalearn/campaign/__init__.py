"""A campaign: from its file to the runs that follow from it. Pure: no torch, no pandas, no network."""
