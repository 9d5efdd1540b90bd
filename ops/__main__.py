"""`python -m ops`, which the script `ona` calls."""

from ops.cli import app

if __name__ == "__main__":
    app(prog_name="ona")
