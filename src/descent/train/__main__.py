"""Run the command line: `python -m descent.train --help`."""

import sys

from descent.train.command import main

sys.exit(main())
