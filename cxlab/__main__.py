"""`python -m cxlab` is the `cxlab` command."""

from cxlab.cli import main

if __name__ == "__main__":
    main()
