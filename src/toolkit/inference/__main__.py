import sys

from clary_inference.server import main

del sys.path[0]  # a script's own modules may have any name
sys.exit(main())
