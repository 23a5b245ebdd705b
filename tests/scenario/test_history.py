# SPDX-License-Identifier: MIT
"""The history of published models: past ones by time, one of them to start from, and
that a lost file harms nothing."""

import os

import harness
import reference
from harness import config, Daemon, InFolder, learned, run, stream


class History(InFolder):
    def wait_for(self, mixd, n):
        """Feeds until so many models are kept: one a second at most."""
        history = []
        while len(history) < n:
            learned(mixd, "s", reference.mixture(64))
            history = mixd.ask("history", stream="s")["history"]
        return history

    def test_past_models_by_time(self):
        text = config({"s": stream(), "t": stream()})
        with Daemon(text, folder=self.folder) as mixd:
            self.assertEqual(mixd.ask("history", stream="t")["history"], [])
            self.assertEqual(mixd.refusal("history", stream="t", at=1e10), "not-ready")
            self.assertEqual(mixd.refusal("history", stream="u"), "unknown-stream")
            history = self.wait_for(mixd, 2)
            first, second = history[0], history[1]
            self.assertGreaterEqual(second["time"] - first["time"], 0.9)
            self.assertEqual(first["state"], "warmup")
            self.assertEqual(len(first["means"]), 3)
            later = mixd.ask("history", stream="s", since=second["time"])
            self.assertEqual(later["history"][0]["time"], second["time"])
            self.assertFalse(later["more"])
            found = mixd.ask("history", stream="s", at=first["time"] + 0.5)["model"]
            self.assertEqual(found, first)
            self.assertEqual(mixd.refusal("history", stream="s", at=first["time"] - 1),
                             "not-ready")
            control = ("--control", mixd.control_endpoint)
            listed = run("mixctl", *control, "history", "s", "--since", "2020-01-01")
            self.assertEqual(listed.returncode, 0, listed.stderr)
            self.assertGreaterEqual(len(listed.stdout.splitlines()), 2)
            self.assertIn(f"{first['points']} points", listed.stdout)
            past = run("mixctl", *control, "history", "s", "--at", repr(first["time"]))
            self.assertEqual(past.returncode, 0, past.stderr)
            self.assertEqual(run("mixctl", *control, "history", "s", "--at",
                                 "2001-01-01").returncode, 75)
            self.assertEqual(run("mixctl", *control, "history", "s", "--at",
                                 "noon").returncode, 64)
        path = self.write("past.json", past.stdout)
        with Daemon(config({"s": stream(start=path)})) as mixd:
            self.assertEqual(mixd.model("s")["means"], first["means"])
        with Daemon(text, folder=self.folder) as mixd:  # it outlives the daemon
            self.assertEqual(mixd.ask("history", stream="s")["history"][0], first)

    def test_a_lost_history_harms_nothing(self):
        text = config({"s": stream()})
        path = os.path.join(self.folder, "mixd-state", "history")
        with Daemon(text, folder=self.folder) as mixd:
            self.wait_for(mixd, 1)
            received = mixd.ledger("s")["received"]
            os.unlink(path)
            self.wait_for(mixd, 1)
            received = mixd.ledger("s")["received"]
        with open(path, "r+b") as file:
            file.write(b"x" * 4096)
        with Daemon(text, folder=self.folder) as mixd:
            self.assertEqual(mixd.ledger("s")["received"], received)
            self.wait_for(mixd, 1)
            self.assertTrue(os.path.exists(path + ".bad"))

    def test_off_keeps_nothing(self):
        with Daemon(config({"s": stream()}, history={"keep": "off"}),
                    folder=self.folder) as mixd:
            learned(mixd, "s", reference.mixture(100))
            self.assertEqual(mixd.refusal("history", stream="s"), "refused")
            path = os.path.join(mixd.state, "history")
        self.assertFalse(os.path.exists(path))

    def test_of_a_key(self):
        entry = stream(key="id", columns=["id", "x", "y"])
        with Daemon(config({"s": entry})) as mixd:
            feed = mixd.feed("s")
            rows = reference.mixture(200)
            feed.array([[7, x, y] for x, y in rows.tolist()])
            mixd.drain("s", 200)
            history = []
            while not history:
                history = mixd.ask("history", stream="s", key="7")["history"]
            self.assertEqual(history[0]["key"], "7")
            self.assertEqual(mixd.ask("history", stream="s", key="8")["history"], [])


if __name__ == "__main__":
    harness.main()
