"""``python -m pathology``."""

from __future__ import annotations

import sys

from pathology.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
