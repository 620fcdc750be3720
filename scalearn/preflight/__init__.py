"""What is refused before any work starts: inputs and settings that would end a training."""
