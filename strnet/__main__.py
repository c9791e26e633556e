"""`python -m strnet` is the command line."""

from strnet.cli.main import run

if __name__ == "__main__":
    run()
