"""``python -m gcodec``: the command, for installations whose scripts are not on the path."""

from gcodec.cli import main

if __name__ == "__main__":
    main()
