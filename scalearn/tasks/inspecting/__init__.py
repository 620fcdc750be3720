"""Inspecting a prepared task for problems that would spoil a campaign (`scalearn check-task`)."""
