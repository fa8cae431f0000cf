"""``python -m georetrieval``: the command line without an installed script."""

from georetrieval.cli.main import main

if __name__ == "__main__":
    main()
