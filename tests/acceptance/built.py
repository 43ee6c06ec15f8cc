"""Functions as `sam build` leaves them, run outside Lambda."""

import pathlib
import sys

from template import ROOT


def binary_of(logical):
    """The function of a logical id, in the folder that the command line names or where `sam build` puts it."""
    build = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / ".aws-sam" / "build"
    return build / logical / "bootstrap"


def runtime_variables(binary, port):
    """What Lambda says to a function, with its runtime API on a port of loopback."""
    return {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_LAMBDA_FUNCTION_NAME": binary.parent.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    }
