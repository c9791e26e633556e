"""The command line: argument parsing and printing only. Each command calls the job of the same name."""
