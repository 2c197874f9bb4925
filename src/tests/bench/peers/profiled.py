"""Make requests of a WSGI application in process and print what one costs, as JSON.

usage: profiled.py MODULE TARGET COUNT

Printed are the microseconds of processor time per request, and the share of each package in the time that a
profiler sees. The time of C functions and of the standard library belongs to the packages that call them.
The profiler adds its own time to each call, so that many small functions have too large a share.
"""

import cProfile
import gc
import importlib
import json
import pstats
import statistics
import sys
import sysconfig
import time
from collections import defaultdict
from pathlib import Path

import driver

PACKAGES = sysconfig.get_path("purelib")
STANDARD = sysconfig.get_path("stdlib")
FRAMEWORK = ("flask", "werkzeug", "blinker", "click", "jinja2", "markupsafe", "itsdangerous")


def requests(app, target, count):
    """Make requests; each must return 200."""
    status, _ = driver.wsgi(app, {"method": "GET", "target": target, "body": ""}, count)
    if status != 200:
        raise SystemExit(f"error: {target} returned {status}")


def room_of(file):
    """Return the package of a file, with the room for debonair; None for C and the standard library."""
    path = Path(file)
    parts = path.parts
    if "debonair" in parts:
        inner = parts[len(parts) - parts[::-1].index("debonair") :]
        return "debonair/" + inner[0].removesuffix(".py")
    if file.startswith(PACKAGES):
        name = path.relative_to(PACKAGES).parts[0].removesuffix(".py")
        return "flask" if name in FRAMEWORK else name
    if file.startswith((STANDARD, "~", "<")):
        return None
    return "views"


def shares(stats):
    """Return the time by room."""
    own = {function: entry[2] for function, entry in stats.items()}
    found = defaultdict(float)
    # What no room owns goes to its callers, by the time that each spent in it, until nothing is left.
    for _ in range(50):
        following = defaultdict(float)
        for function, spent in own.items():
            room = room_of(function[0])
            callers = stats[function][4]
            total = sum(entry[3] for entry in callers.values())
            if room is not None or not total:
                found[room or "other"] += spent
                continue
            for caller, entry in callers.items():
                following[caller] += spent * entry[3] / total
        own = following
    found["other"] += sum(own.values())
    return found


def main():
    module, target, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    app = importlib.import_module(module).app
    gc.collect()
    gc.freeze()
    requests(app, target, count)
    spent = []
    for _ in range(5):
        began = time.process_time()
        requests(app, target, count)
        spent.append((time.process_time() - began) / count * 1e6)
    profile = cProfile.Profile()
    profile.enable()
    requests(app, target, count)
    profile.disable()
    rooms = shares(pstats.Stats(profile).stats)
    total = sum(rooms.values())
    print(json.dumps([statistics.median(spent), {name: part / total for name, part in rooms.items()}]))


if __name__ == "__main__":
    main()
