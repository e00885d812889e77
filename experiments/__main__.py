"""Make every recorded run that is missing: `python -m experiments`."""

import sys

from experiments import contests

sys.exit(contests.main(sys.argv[1:]))
