"""Starts ministack with sequence numbers as Kinesis gives them.

ministack fills its own up with zeros in front, which the pattern of Kinesis's API (`0|[1-9]\\d{0,128}`) rules out and the
functions refuse. A digit before the zeros leaves their order as it is.
"""

import sys

from ministack.app import main
from ministack.services import kinesis

number = kinesis._next_sequence_number
kinesis._next_sequence_number = lambda: f"4{number()}"

if __name__ == "__main__":
    sys.exit(main())
