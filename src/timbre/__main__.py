"""Run the command line: `python -m timbre` is the command `timbre`."""

from timbre.cli import main

if __name__ == "__main__":
    main()
