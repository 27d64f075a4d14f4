"""A day in small: full load on an endpoint with an update every few seconds and a kill -9 of an instance every few more.

    CLARY=build/release/apps/clary/clary python3 bench/serving_soak.py --seconds 600

Ends with 1 if an answer was wrong or a request failed with anything but a 503."""
import argparse
import itertools
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/e2e"))
import service  # noqa: E402
import soak  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--update", type=float, default=5)
    parser.add_argument("--kill", type=float, default=10)
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    models = itertools.cycle(("label", "probability"))
    with service.Service() as clary:
        load = soak.Soak(clary, options.connections)
        with load:
            begin = time.monotonic()
            updated = killed = begin
            updates = kills = 0
            while (now := time.monotonic()) - begin < options.seconds:
                if now - updated >= options.update:
                    updated, updates = now, updates + 1
                    load.change(next(models))
                elif now - killed >= options.kill:
                    killed, kills = now, kills + 1
                    load.kill()
                else:
                    time.sleep(0.05)
        print(f"{updates} updates, {kills} kills: {load.report()}")
        return 1 if load.faults else 0


if __name__ == "__main__":
    sys.exit(main())
