# SPDX-License-Identifier: MIT
"""The reliable feed: every point changes the model exactly once, whoever is killed and
whatever is sent twice, and nobody can make it otherwise."""

import os
import random
import shutil
import signal

import numpy as np
import zmq

import harness
import kills
import reference
import sender
from harness import config, stream
from sender import ACK, BYE, DATA, ERR, HELLO, NAK, Peer, Sender, WELCOME
from test_durable import Restarting, essence, points

KILLS = 20


def settings(every="1d", feed=(), **more):
    """Checkpoints at the start, on command, at the end, and when senders need them."""
    return config({"s": stream(feed={"type": "reliable", **dict(feed)}, **more)},
                  checkpoint={"every": every})


class Receiving(Restarting):
    """A daemon with one reliable stream, s."""

    def endpoint(self):
        return self.streams()["s"]["feed"]["endpoints"][0]

    def peer(self, *arguments, **options):
        return self.keep(Peer(self.endpoint(), *arguments, **options))

    def sender(self, rows, *arguments):
        return self.keep(Sender(self.endpoint(), rows, *arguments)).begin()

    def source(self, name="a"):
        return self.ask("sources", stream="s", source=name)["sources"][name]

    def marks(self, name="a"):
        source = self.source(name)
        return source["safe"], source["durable"], source["applied"]


def uninterrupted(x, **more):
    """The model of the same points over a plain feed."""
    with harness.Daemon(config({"s": stream(**more)})) as mixd:
        harness.learned(mixd, "s", x)
        return essence(mixd.model("s"))


class Reliable(harness.InFolder):

    def check_model(self, mixd, x, wanted_ledger):
        """The points of x, each once, in order; and the accounts."""
        got = essence(mixd.model("s"))
        wanted = uninterrupted(x)
        ledger, plain = got.pop("ledger"), wanted.pop("ledger")
        self.assertEqual(got, wanted)
        self.assertEqual((ledger["learned"], ledger["queued"]),
                         (plain["learned"], plain["queued"]))
        for name, value in wanted_ledger.items():
            self.assertEqual(ledger[name], value, name)

    # ---- Without trouble

    def test_points_become_durable_then_safe(self):
        x = points(500)
        with Receiving(settings()) as mixd:
            mixd.ask("checkpoint")  # the start's is over
            s = mixd.sender(x)
            s.push(500)
            mixd.drain("s", 500)
            self.assertEqual(mixd.marks(), (0, 0, 500))
            for marks in ((0, 500), (500, 500)):
                mixd.ask("checkpoint")
                while (s.safe, s.durable) != marks:
                    self.assertIsNone(s.listen(harness.DEADLINE))
                    self.assertLessEqual((s.safe, s.durable), marks)
            self.assertEqual(mixd.marks(), (500, 500, 500))
            self.check_model(mixd, x, {"received": 500, "duplicate": 0, "lost": 0})

    def test_a_blocked_sender_brings_the_checkpoint_forward(self):
        """More than a window of points, and a tick a day."""
        x = points(150000)
        with Receiving(settings(feed={"window": "1MiB"})) as mixd:
            s = mixd.sender(x)
            self.assertEqual(s.window, 65536)
            while s.next <= len(x):
                before = s.safe
                while s.push(5000) == 0 and s.next <= min(s.safe + s.window, len(x)):
                    s.listen()
                self.assertIsNone(s.listen(harness.DEADLINE))
                self.assertGreaterEqual(s.safe, before)
            mixd.drain("s", len(x))
            self.assertEqual(mixd.ledger("s")["duplicate"], 0)

    def test_a_window_of_fewer_bytes_than_a_point_is_one_point(self):
        fields = [f"x{d}" for d in range(200)]
        text = config({"s": stream(fields, {"type": "reliable", "window": "1KiB"})},
                      checkpoint={"every": "1d"})
        with Receiving(text) as mixd:
            s = mixd.sender(np.zeros((3, 200)))
            self.assertEqual(s.window, 1)
            s.finish(1)

    def test_a_sender_that_can_hold_little_says_so(self):
        """And gets checkpoints as its own window fills, with a tick a day."""
        with Receiving(settings(feed={"window": "1MiB"})) as mixd:
            p = mixd.peer()
            for count, window in ((0, 65536), (1, 1024), (70000, 65536), (2000, 2000)):
                p.send(HELLO, a=1, count=count, session=0)
                welcome = p.expect(WELCOME)
                self.assertEqual(welcome.count, window)
            p.session = welcome.session
            mixd.ask("checkpoint")
            p.data(1, points(900))
            while p.receive().b < 900:
                pass

    def test_more_sources_than_max_sources_are_refused(self):
        """Those that the state has stay, though the limit is lowered."""
        with Receiving(settings(feed={"max_sources": 2})) as mixd:
            for name in "ab":
                mixd.peer(name).hello()
            extra = mixd.peer("c")
            extra.send(HELLO, a=1)
            self.assertEqual(extra.expect(ERR).code, 3)
            mixd.stop()
            for client in mixd.clients:
                client.close()
            mixd.clients.clear()
            with open(mixd.file, "w", encoding="utf-8") as file:
                file.write(settings(feed={"max_sources": 1}))
            mixd.start()
            for name in "ab":
                mixd.peer(name).hello()
            extra = mixd.peer("c")
            for name in "ab":
                extra.send(HELLO, a=1)
                self.assertEqual(extra.expect(ERR).code, 3)
                mixd.ask("forget-source", stream="s", source=name)
            extra.hello()

    def test_what_the_disk_refuses_is_not_acknowledged(self):
        with Receiving(settings()) as mixd:
            mixd.ask("checkpoint")
            s = mixd.sender(points(200))
            os.rename(mixd.state, mixd.state + ".away")
            s.push(200)
            mixd.drain("s", 200)
            for _ in range(3):
                self.assertEqual(mixd.refusal("checkpoint"), "refused")
            self.assertEqual(mixd.marks(), (0, 0, 200))
            self.assertIsNone(s.listen())
            self.assertEqual(s.durable, 0)
            os.rename(mixd.state + ".away", mixd.state)
            mixd.ask("checkpoint")
            while s.durable < 200:
                s.listen(harness.DEADLINE)

    def test_bye_is_answered_and_ends_the_session(self):
        with Receiving(settings()) as mixd:
            p = mixd.peer()
            p.hello()
            self.assertEqual(mixd.source()["state"], "connected")
            p.send(BYE)
            p.expect(BYE)
            self.assertEqual(mixd.source()["state"], "away")

    def test_weights_times_and_rejected_points(self):
        """Columns are those of the stream; a point that is rejected keeps its number."""
        rows = np.array([[1, 2, 3, 1], [2, np.nan, 4, 1], [3, 1, 5, np.inf], [4, 1, 6, -1],
                         [5, 1e200, 7, 1], [6, 7, 8, 0]], dtype=float)
        with Receiving(settings(fields=("x", "y"), columns=["t", "x", "y", "w"], time="t",
                                weight="w")) as mixd:
            s = mixd.sender(rows)
            s.push(6)
            ledger = mixd.drain("s", 6)
            self.assertEqual(ledger["rejected"], {"missing": 1, "weight": 2, "range": 1})
            self.assertEqual(mixd.marks()[2], 6)
            self.assertEqual(mixd.source()["rejected"], 4)
            s.push(6, back=6)
            self.assertEqual(mixd.drain("s", 12)["duplicate"], 6)

    # ---- Kills

    def test_kills_at_random_points_change_nothing(self):
        """SIGKILL, resent with overlaps and gaps, with checkpoints at every moment."""
        n = 150 * KILLS
        x = points(n)
        choice = random.Random(reference.SEED)
        with Receiving(settings(every="3ms")) as mixd:
            s = mixd.sender(x)
            for kill in range(KILLS):
                end = n * (kill + 1) // KILLS
                while s.next <= end:
                    s.push(choice.randrange(1, 40), choice.choice((0, 0, 5, 60)))
                    if choice.random() < 0.1:
                        s.next += 7  # a gap: NAK, and back
                    s.listen()
                if choice.random() < 0.5:
                    s.listen(0.05)
                mixd.crash()
                s.move(mixd.endpoint()).begin()
            s.finish()
            self.assertEqual(mixd.marks(), (n, n, n))
            ledger = mixd.ledger("s")
            source = mixd.source()
            self.assertEqual(ledger["received"] - ledger["duplicate"], n)
            self.assertEqual(ledger["duplicate"], source["duplicate"])
            self.check_model(mixd, x, {"lost": 0, "rejected": {}})

    def test_kills_of_the_daemon_and_of_three_senders(self):
        self.assertEqual(kills.run(50), (0, 0))

    def test_a_stop_is_told_and_loses_nothing(self):
        x = points(800)
        with Receiving(settings()) as mixd:
            s = mixd.sender(x)
            s.push(400)
            mixd.drain("s", 400)
            mixd.process.send_signal(signal.SIGTERM)
            self.assertEqual(s.error(), 9)
            mixd.leave()
            mixd.start()
            s.move(mixd.endpoint()).begin()
            self.assertEqual(s.next, 401)
            s.push(400)
            mixd.drain("s", 800)
            self.check_model(mixd, x, {"received": 800, "duplicate": 0})

    def test_after_a_kill_a_probe_tells_of_the_restart(self):
        with Receiving(settings()) as mixd:
            p = mixd.peer(probe=True)
            self.assertEqual(p.error(), 6)

    def test_the_older_generation_serves_what_was_safe(self):
        """The newest file is damaged: what the sender forgot is in the other one."""
        x = points(900)
        with Receiving(settings()) as mixd:
            s = mixd.sender(x)
            for end in (300, 600):
                s.push(300)
                mixd.drain("s", end)
                mixd.ask("checkpoint")
                while s.durable < end:
                    s.listen(harness.DEADLINE)
            self.assertEqual((s.safe, s.durable), (300, 600))
            mixd.kill()
            newest = max((os.path.join(mixd.state, name) for name in ("state.0", "state.1")),
                         key=lambda path: os.stat(path).st_mtime_ns)
            with open(newest, "r+b") as file:
                file.seek(-2000, os.SEEK_END)
                file.write(b"damage" * 200)
            mixd.crash()
            s.move(mixd.endpoint())
            self.assertEqual(s.hello(s.safe + 1, 900).c, 300)
            s.next, s.durable = 301, 300
            s.push(600)
            mixd.drain("s", 900)
            self.check_model(mixd, x, {"received": 900, "lost": 0})

    # ---- Loss

    def test_a_backup_that_is_too_old_is_a_loss_with_a_name(self):
        x = points(900)
        backup = os.path.join(self.folder, "saved")
        with Receiving(settings()) as mixd:
            s = mixd.sender(x)
            s.push(200)
            mixd.drain("s", 200)
            mixd.ask("backup", file=backup)
            s.push(300)
            mixd.drain("s", 500)
            mixd.ask("checkpoint")
            mixd.ask("checkpoint")
            while s.safe < 500:
                s.listen(harness.DEADLINE)
            mixd.kill()
            for name in ("state.0", "state.1"):
                os.unlink(os.path.join(mixd.state, name))
            shutil.move(backup, os.path.join(mixd.state, "state.0"))
            mixd.crash()
            s.move(mixd.endpoint())
            s.send(HELLO, a=501, b=900, session=0)
            self.assertEqual(s.error(), 5)
            self.assertEqual(mixd.source()["state"], "lost")
            self.assertEqual(mixd.ledger("s")["lost"], 300)
            s.data(501, x[500:600])
            self.assertEqual(s.error(), 6)
            self.assertEqual(mixd.refusal("forget-source", stream="s", source="b"),
                             "unknown-source")
            mixd.ask("forget-source", stream="s", source="a")
            self.assertEqual(mixd.ask("sources", stream="s")["sources"], {})
            self.assertEqual(s.hello(501, 900).c, 500)
            s.next = 501
            s.push(400)
            mixd.drain("s", 600)
            self.check_model(mixd, np.concatenate((x[:200], x[500:])),
                             {"received": 600, "lost": 300})

    def test_a_new_state_and_an_old_sender(self):
        with Receiving(settings()) as mixd:
            p = mixd.peer()
            p.send(HELLO, a=501, b=600)
            self.assertEqual(p.error(), 5)
            self.assertEqual(mixd.ledger("s")["lost"], 500)
            self.assertEqual(p.hello(1, 600).c, 0)  # its points were found after all
            self.assertEqual(mixd.ledger("s")["lost"], 0)

    # ---- Fencing

    def test_of_two_senders_the_newer_has_the_source(self):
        x = points(600)
        with Receiving(settings()) as mixd:
            old, new = mixd.sender(x), mixd.peer()
            old.push(100)
            mixd.drain("s", 100)
            self.assertEqual(new.hello(1, 600).c, 100)
            old.push(100)
            self.assertEqual(old.error(), 6)
            new.data(101, x[100:])
            mixd.drain("s", 600)
            self.assertEqual(mixd.source()["takeovers"], 1)
            self.check_model(mixd, x, {"received": 600, "duplicate": 0})

    def test_another_incarnation_waits_for_the_operator(self):
        x = points(40)
        with Receiving(settings()) as mixd:
            mixd.sender(x).push(40)
            mixd.drain("s", 40)
            other = mixd.peer(incarnation=8)
            other.send(HELLO, a=1, b=5)
            self.assertEqual(other.error(), 4)
            mixd.ask("forget-source", stream="s", source="a")
            self.assertEqual(other.hello(1, 5).c, 0)
            mixd.ask("checkpoint")
            mixd.crash()
            self.assertEqual(mixd.source()["incarnation"], f"{8:016x}")

    def test_a_source_is_forgotten_with_a_checkpoint_or_not_at_all(self):
        """Killed before the checkpoint that would have it, the source is there again with
        all its points; after it, the source begins anew and the old points stay."""
        x = points(120)
        with Receiving(settings()) as mixd:
            mixd.sender(x).push(40)
            mixd.drain("s", 40)
            mixd.ask("checkpoint")
            known = mixd.source()
            mixd.ask("forget-source", stream="s", source="a")
            self.assertEqual(mixd.ask("sources", stream="s")["sources"], {})
            mixd.crash()
            self.assertEqual(mixd.source()["applied"], 40)
            self.assertEqual(mixd.source()["incarnation"], known["incarnation"])
            other = mixd.peer(incarnation=8)
            other.send(HELLO, a=1, b=5)
            self.assertEqual(other.error(), 4)
            mixd.ask("forget-source", stream="s", source="a")
            mixd.ask("checkpoint")
            mixd.crash()
            self.assertEqual(mixd.ask("sources", stream="s")["sources"], {})
            self.assertEqual(mixd.ledger("s")["received"], 40)
            anew = mixd.keep(Sender(mixd.endpoint(), x[40:], "a", 8)).begin()
            self.assertEqual((anew.safe, anew.next), (0, 1))
            anew.push(80)
            mixd.drain("s", 120)
            for _ in range(2):
                mixd.ask("checkpoint")
            mixd.crash()
            self.assertEqual(mixd.marks()[1:], (80, 80))  # safe comes with the start's
            self.check_model(mixd, x, {"received": 120, "duplicate": 0, "lost": 0})

    def test_forged_sessions_and_strangers(self):
        x = points(20)
        with Receiving(settings()) as mixd:
            s, stranger = mixd.sender(x), mixd.peer()
            stranger.data(1, x)
            self.assertEqual(stranger.error(), 6)
            stranger.session = s.session ^ 1
            stranger.data(1, x)
            self.assertEqual(stranger.error(), 6)
            stranger.session, stranger.incarnation = s.session, 8
            stranger.data(1, x)
            self.assertEqual(stranger.error(), 6)
            self.assertEqual(mixd.marks(), (0, 0, 0))
            self.assertEqual(mixd.ledger("s")["received"], 0)

    def test_one_source_too_many(self):
        with Receiving(settings()) as mixd:
            mixd.ask("checkpoint")  # later ones send an ACK for each source, all to p
            p = mixd.peer()
            for i in range(1024):
                p.source = b"source-%d" % i
                p.hello()
            p.source = b"more"
            p.send(HELLO, a=1)
            self.assertEqual(p.error(), 3)
            p.source = b"source-0"
            self.assertEqual(p.hello().c, 0)
            mixd.ask("checkpoint")
            mixd.crash()
            p = mixd.peer("more")
            p.send(HELLO, a=1)
            self.assertEqual(p.error(), 3)
            mixd.ask("forget-source", stream="s", source="source-9")
            p.hello()
            self.assertEqual(len(mixd.ask("sources", stream="s")["sources"]), 1024)

    # ---- What nobody should send

    def test_messages_that_are_wrong_change_nothing_but_their_count(self):
        x = points(10)
        raw = x.tobytes()
        with Receiving(settings()) as mixd:
            s = mixd.sender(x)
            good = sender.header(DATA, source=b"a", incarnation=7, session=s.session, a=1,
                                 count=10, columns=2, crc=sender.crc32c(raw))
            def changed(at, byte):
                return good[:at] + bytes([byte]) + good[at + 1:]
            wrong = [
                ([good], 1), ([good, raw, raw], 1), ([good, raw, raw, raw, raw], 1),
                ([good[:87], raw], 2), ([good + b"\0", raw], 2), ([changed(0, 2), raw], 2),
                ([changed(1, 0), raw], 2), ([changed(1, 9), raw], 2),
                ([changed(1, ACK), raw], 2), ([changed(56, 0), raw], 2),
                ([changed(57, ord("/")), raw], 2), ([changed(87, 65), raw], 2),
                ([changed(24, 0), raw], 2), ([good[:24] + b"\xff" * 8 + good[32:], raw], 2),
                ([good, raw[:-1]], 7), ([good, raw + b"\0"], 7), ([good, b""], 7),
                ([changed(52, 3), raw], 7), ([changed(52, 0), raw], 7),
                ([changed(4, 0), raw], 7), ([good[:4] + b"\xff" * 4 + good[8:], raw], 7),
                ([changed(48, good[48] ^ 1), raw], 7),
                ([good, raw[:8] + bytes([raw[8] ^ 1]) + raw[9:]], 7),
                ([changed(55, 0x80), raw], 7),
            ]
            for i, (frames, code) in enumerate(wrong):
                with self.subTest(i=i, code=code):
                    s.socket.send_multipart(frames)
                    self.assertEqual(s.error(), code)
            ledger = mixd.ledger("s")
            self.assertEqual(ledger["received"], len(wrong))
            self.assertEqual(sum(ledger["rejected"].values()), len(wrong))
            self.assertEqual(len(mixd.ask("rejects", stream="s")["rejects"]), len(wrong))
            self.assertEqual(mixd.marks(), (0, 0, 0))
            s.push(10)
            self.assertEqual(mixd.drain("s", len(wrong) + 10)["queued"], 10)

    def test_gaps_are_named_once(self):
        x = points(100)
        with Receiving(settings()) as mixd:
            s = mixd.sender(x)
            s.data(1 << 40, x)
            self.assertEqual(s.expect(NAK).a, 1)
            for _ in range(50):
                s.data(2, x[1:])
            s.data(1, x[:10])
            s.data(20, x[19:])
            self.assertEqual(s.expect(NAK).a, 11)
            s.data(5, x[4:])
            self.assertEqual(mixd.drain("s", 106)["duplicate"], 6)
            self.assertEqual(mixd.ledger("s")["lost"], 0)
            self.assertEqual(mixd.marks(), (0, 0, 100))

    def test_a_message_may_not_be_larger_than_it_may(self):
        with Receiving(config({"s": stream(feed={"type": "reliable",
                                                 "max_message": "1KiB"})})) as mixd:
            s = mixd.sender(points(100))
            s.push(65)
            self.assertEqual(s.error(), 7)
            self.assertEqual(mixd.ledger("s")["rejected"], {"size": 1})
            s.next = 1
            s.push(50)
            self.assertEqual(mixd.drain("s", 51)["queued"], 50)

    def test_peers_that_are_not_senders_do_no_harm(self):
        with Receiving(settings()) as mixd:
            p = mixd.peer()
            p.send(ERR, code=2)  # is not answered: two that do never stop
            p.socket.send_multipart([b""] * 1000)
            self.assertEqual(p.error(), 1)
            for kind in (zmq.REQ, zmq.PUSH, zmq.ROUTER):
                socket = mixd.keep(harness.CONTEXT.socket(kind))
                socket.setsockopt(zmq.LINGER, 0)
                socket.connect(mixd.endpoint())
                if kind != zmq.ROUTER:
                    socket.send(b"hello")
            p.socket.send(b"hello")
            self.assertEqual(p.error(), 2)
            self.assertEqual(p.hello().c, 0)

    def test_the_commands_are_for_reliable_feeds(self):
        with Receiving(config({"p": stream(), "s": stream(feed={"type": "reliable"})})) as m:
            self.assertEqual(m.refusal("sources", stream="p"), "refused")
            self.assertEqual(m.refusal("forget-source", stream="p", source="a"), "refused")
            self.assertEqual(m.refusal("sources", stream="s", source="a"), "unknown-source")
            self.assertEqual(m.refusal("forget-source", stream="s"), "argument")
            m.peer().hello()
            control = ("--control", m.control_endpoint)
            done = harness.run("mixctl", *control, "sources", "s")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("connected  safe 0  durable 0  applied 0", done.stdout)
            for words, code in ((("forget-source", "s", "b"), 66),
                                (("forget-source", "s"), 64), (("sources", "p"), 65),
                                (("forget-source", "s", "a"), 0), (("sources", "s"), 0)):
                self.assertEqual(harness.run("mixctl", *control, *words).returncode, code,
                                 words)


if __name__ == "__main__":
    harness.main()
