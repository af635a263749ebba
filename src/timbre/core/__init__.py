"""What all other folders use: params, errors, rows of tables, output files, random numbers."""
