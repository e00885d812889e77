"""Check the certificates: `python -m descent.certificates [FILE or ID ...]`."""

import argparse
import sys
import time
from pathlib import Path

from descent.certificates import Certificate, RefusedError, certificates, check, read


def chosen(names: list[str]) -> list[Certificate]:
    """Return the certificates of these ids or files, or all."""
    known = certificates()
    if unknown := [name for name in names if name not in known and not Path(name).is_file()]:
        raise RefusedError(f"no certificate is called {unknown[0]}; there are {', '.join(known)}")
    return [known[name] if name in known else read(Path(name)) for name in names or known]


def report(certificate: Certificate) -> bool:
    """Check a certificate, print what it says and whether it holds, and return that."""
    try:
        check(certificate)
    except RefusedError as error:
        print(f"REFUSED  {error}")
        return False
    print(f"{certificate.id}  [{certificate.verdict}]\n    {certificate.says}")
    return True


def main(arguments: list[str] | None = None) -> int:
    """Check the certificates named, or all; return 1 if one is refused."""
    parser = argparse.ArgumentParser(prog="python -m descent.certificates", description=__doc__)
    parser.add_argument("certificate", nargs="*", help="an id, or a file; all if none is named")
    began = time.perf_counter()
    try:
        results = [
            report(certificate) for certificate in chosen(parser.parse_args(arguments).certificate)
        ]
    except RefusedError as error:
        print(error)
        return 2
    seconds = time.perf_counter() - began
    print(f"{sum(results)} of {len(results)} certificates hold, checked in {seconds:.1f} s")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
