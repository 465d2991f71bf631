"""`python -m hub.cli` is `plumbline`: how the supervisor starts its children."""

from hub.cli import main

if __name__ == "__main__":
    main()
