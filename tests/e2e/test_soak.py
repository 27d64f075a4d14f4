"""Updates and kills under load, a few of each; bench/serving_soak.py goes on for as long as one likes."""
import unittest

import service
import soak


class Soak(unittest.TestCase):
    def test_nothing_is_lost_but_what_was_under_way(self):
        with service.Service() as clary:
            load = soak.Soak(clary, connections=4)
            with load:
                for model in ("label", "probability", "label"):
                    load.change(model)
                    load.kill()
            self.assertEqual(load.faults, [], load.report())
            self.assertGreater(load.outcomes[200], 0)


if __name__ == "__main__":
    unittest.main()
