# SPDX-License-Identifier: MIT
"""Peers that do not speak ZeroMQ, or only until it hurts: nothing of a good peer is
lost, and memory stays small."""

import os
import resource
import socket
import struct
import unittest

import harness
import reference
from harness import config, Daemon, stream
from reference import growth

GOOD = 1000
MIB = 1 << 20
GROWTH = 4 * MIB


def zmtp_handshake(peer):
    """A NULL handshake by hand, as a PUSH socket."""
    peer.sendall(b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0")
                 + bytes(32))
    ready = b"\x05READY" + b"\x0bSocket-Type" + struct.pack(">I", 4) + b"PUSH"
    peer.sendall(b"\x04" + bytes([len(ready)]) + ready)


def connect(endpoint):
    host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=harness.DEADLINE)


def is_closed_by_peer(peer):
    """Reads until the daemon closes the connection; an error when it does not."""
    try:
        while peer.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True


class RawConnections(unittest.TestCase):
    """Peers that do not speak ZeroMQ, or only until it hurts."""

    def setUp(self):
        self.mixd = self.enterContext(Daemon(config({"s": stream()})))
        self.endpoint = self.mixd.streams()["s"]["feed"]["endpoints"][0]
        self.feed = self.mixd.feed("s")
        self.points = reference.mixture(GOOD, salt=12)
        self.check_good_points()

    def check_good_points(self):
        """A thousand more points arrive, and none but those. What a peer says may come
        out as a message (ZMTP 1.0 has no handshake to fail) and be rejected."""
        before = after = self.mixd.ledger("s")
        self.feed.array(self.points)
        while growth(before, after)["taken"] < GOOD:
            received = growth(before, after)["received"]
            after = self.mixd.drain("s", received + 1, since=before["received"])
        self.assertEqual(growth(before, after)["taken"], GOOD)

    def test_peers_that_do_not_speak_zeromq(self):
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(508)
        speeches = (b"", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", hello, b"\0",
                    os.urandom(4096), b"\xff" * 4096, b"\xff" + bytes(8) + b"\x7f")
        for speech in speeches:
            with self.subTest(speech[:16]), connect(self.endpoint) as peer:
                peer.sendall(speech)
            self.check_good_points()

    def test_a_claim_of_a_gibibyte_is_cut_off(self):
        memory = self.mixd.memory()
        for claim in (1 << 30, 1 << 40, (1 << 62) + 5, (1 << 63) + 5):
            with self.subTest(claim), connect(self.endpoint) as peer:
                zmtp_handshake(peer)
                peer.sendall(b"\x02" + struct.pack(">Q", claim) + b"x" * 100)
                self.assertTrue(is_closed_by_peer(peer))
            self.check_good_points()
        if not harness.is_sanitized():
            self.assertLess(self.mixd.memory() - memory, GROWTH)

    def test_half_a_frame_and_silence(self):
        peers = [connect(self.endpoint) for _ in range(20)]
        for peer in peers:
            zmtp_handshake(peer)
            peer.sendall(b"\x02" + struct.pack(">Q", 4096) + b"{")
        self.check_good_points()
        for peer in peers:
            peer.close()
        self.check_good_points()

    def test_a_message_that_never_ends_counts_nothing(self):
        with connect(self.endpoint) as peer:
            zmtp_handshake(peer)
            peer.sendall(b"\x01\x02{}" * 1000)
            self.check_good_points()
        self.check_good_points()

    def test_a_silent_connection_is_closed(self):
        with connect(self.endpoint) as peer:
            self.assertTrue(is_closed_by_peer(peer))

    def test_a_message_over_four_times_the_limit_loses_only_its_peer(self):
        with harness.Feed(self.endpoint) as other:
            other.send(b"{}", bytes(5 * MIB))
            self.check_good_points()

    def test_hundreds_of_peers_that_come_and_go(self):
        for number in range(200):
            with connect(self.endpoint) as peer:
                zmtp_handshake(peer)
                peer.sendall(b"\x00\x03abc" if number % 2 else b"\x77")
        self.check_good_points()


class FewDescriptors(unittest.TestCase):
    def test_a_flood_past_the_limit_of_descriptors(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (96, 96))
        with Daemon(config({"s": stream()}), preexec_fn=limit) as mixd:
            endpoint = mixd.streams()["s"]["feed"]["endpoints"][0]
            feed = mixd.feed("s")
            points = reference.mixture(GOOD, salt=13)
            feed.array(points)
            mixd.drain("s", GOOD)
            flood = [connect(endpoint) for _ in range(150)]
            feed.array(points)
            self.assertEqual(mixd.drain("s", 2 * GOOD)["received"], 2 * GOOD)
            for peer in flood:
                peer.close()
            with harness.Feed(endpoint) as late:
                late.array(points)
                self.assertEqual(mixd.drain("s", 3 * GOOD)["received"], 3 * GOOD)


if __name__ == "__main__":
    harness.main()
