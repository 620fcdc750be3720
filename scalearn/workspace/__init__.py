"""The folder that campaigns share: who started what, whose a table is, what is damaged and what nobody asks for."""
