"""What every stage shares: params, errors, rows, outputs, random numbers."""
