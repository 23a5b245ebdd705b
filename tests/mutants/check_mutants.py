#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plants mistakes that would lose points, or count them twice, without anybody noticing,
one after the other in a copy of the sources, and sees to it that a test fails.

    check_mutants.py SOURCE-FOLDER [WORDS OF A CLAIM]      the mutants whose claim has them
"""

import os
import shutil
import subprocess
import sys
import tempfile

INTAKE, ROSTER = "daemon/intake.c", "daemon/roster.c"
UNIT, RELIABLE = "tests/unit/test_", "tests/scenario/test_reliable.py"
SKIP = "step->skip = seen < data->count ? seen : data->count;"

# What is planted, where, the text there (once), what stands in its place, who notices.
MUTANTS = (
    ("de-duplication is dropped", INTAKE, SKIP, "step->skip = 0 * seen;",
     (UNIT + "intake", "tests/fuzz/fuzz_intake", RELIABLE)),
    ("repeats of a plain feed are learned", "daemon/sources.c",
     "(struct source_run){is_repeat, n < end", "(struct source_run){false, n < end",
     (UNIT + "sources", UNIT + "stream")),
    ("what is only in memory is acknowledged as durable", ROSTER,
     "row->durable = row->captured;", "row->durable = row->applied;",
     (UNIT + "intake", "tests/fuzz/fuzz_intake")),
    ("what is durable is acknowledged as safe", ROSTER,
     ": is_kept              ? row->durable", ": is_kept ? row->captured",
     (UNIT + "intake", "tests/fuzz/fuzz_intake", RELIABLE)),
    ("a checkpoint is acknowledged that failed", "daemon/checkpoint.c",
     "if (order->outcome == STORE_WRITTEN) {\n        settle",
     "if (order->outcome != STORE_WAITS) {\n        settle", (RELIABLE,)),
    ("a checkpoint is acknowledged before it is written", "daemon/keeper.c",
     "return store_commit(store, now.ms);",
     "return store_generation(store) < 2 ? store_commit(store, now.ms) : STORE_WRITTEN;",
     (RELIABLE,)),
    ("the store does not synchronise", "daemon/database.c",
     "PRAGMA synchronous=EXTRA;", "PRAGMA synchronous=OFF;", (UNIT + "store",)),
    ("numbers go back further than the statistics", ROSTER,
     "pack_u64(pack, row->applied);", "pack_u64(pack, row->safe);",
     (UNIT + "roster", "tests/fuzz/fuzz_intake", RELIABLE)),
    ("statistics are kept without the numbers", "daemon/capture.c",
     "            capture_roster(capture, stream);\n", "", (RELIABLE,)),
    ("a gap is passed over", INTAKE, "if (data->a > row->applied + 1) {",
     "if (data->count == 0) {", (UNIT + "intake", "tests/fuzz/fuzz_intake")),
    ("an old sender is not fenced off", INTAKE,
     " && row->session == header->session &&", " &&", (UNIT + "intake", RELIABLE)),
    ("a loss is not noticed", INTAKE,
     "return hello->a > known + 1 ? hello->a - known - 1 : 0;",
     "return 0 * known * hello->a;", (UNIT + "intake", RELIABLE)),
    ("the checksum is not looked at", "lib/wire/reliable.c",
     'return crc32c(payload.data, payload.size) != header->crc ? "wrong checksum" : NULL;',
     "return NULL;", (UNIT + "reliable", RELIABLE)),
    ("a rejected point does not keep its number", INTAKE, "row->applied = seq;",
     "row->applied = is_rejected ? row->applied : seq;", (UNIT + "intake", RELIABLE)),
    ("the state of a learner is not summed up", "lib/mix/encode.c",
     "checksum != codec_checksum(bytes, size - TRAILER)) {", "checksum == 0) {",
     (UNIT + "encode",)),
    ("the older state is gone on from", "daemon/pair.c",
     "const size_t newer = pair->head[1].generation > pair->head[0].generation ? 1 : 0;",
     "const size_t newer = pair->head[1].generation > pair->head[0].generation ? 0 : 1;",
     (UNIT + "store",)),
    ("the state is tried again at once after a failure", "daemon/store.c",
     "store->retry_ms = now_ms + store->delay_ms;", "store->retry_ms = now_ms;",
     (UNIT + "store",)),
    ("a state does not hold that a source was forgotten", ROSTER,
     "pack_u64(pack, row->is_forgotten);", "pack_u64(pack, 0);", (RELIABLE,)),
    ("a bogus number of a plain feed is a loss", "daemon/sources.c",
     "seq - source->next > SOURCE_LEAP_MAX)", "seq - source->next > UINT64_MAX - 1)",
     (UNIT + "sources",)),
)


# Also where the sources are built in their own folder.
NOT_SOURCES = (".git", "build", "autom4te.cache", "config.status", ".libs", "*.o",
               "*.lo", "*.la")


class Tree:
    """A copy of the sources, built."""

    def __init__(self, source, folder):
        self.source = os.path.join(folder, "source")
        self.build = os.path.join(self.source, "build")
        shutil.copytree(source, self.source, symlinks=True,
                        ignore=shutil.ignore_patterns(*NOT_SOURCES))
        os.mkdir(self.build)
        os.environ["CCACHE_NOHASHDIR"] = "1"  # what ccache knows of other folders serves
        self.run("../configure", "-q", "--disable-shared",
                 *(["CC=ccache gcc"] if shutil.which("ccache") else []))
        self.env = {**os.environ, "abs_builddir": self.build, "abs_srcdir": self.source,
                    "PYTHON": sys.executable}

    def run(self, *command):
        done = subprocess.run(command, cwd=self.build, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}:\n{done.stdout[-4000:]}")

    def passes(self, test):
        is_script = test.endswith(".py")
        self.run("make", "-s", "-j2", *(["mixd", "mixctl"] if is_script else [test]))
        command = ([sys.executable, "-B", os.path.join(self.source, test), "-f"]
                   if is_script else [os.path.join(self.build, test)])
        try:
            return subprocess.run(command, cwd=self.build, env=self.env, timeout=170,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  check=False).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def plant(self, file, text, mutant):
        path = os.path.join(self.source, file)
        with open(path, encoding="utf-8") as stream:
            whole = stream.read()
        if whole.count(text) != 1:
            sys.exit(f"{file} has {whole.count(text)} times, and not once: {text}")
        self.write(path, whole.replace(text, mutant))
        return lambda: self.write(path, whole)

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)


def main(source, words):
    chosen = [mutant for mutant in MUTANTS if all(word in mutant[0] for word in words)]
    n_survivors = 0
    with tempfile.TemporaryDirectory(prefix="mixd-mutants-") as folder:
        tree = Tree(source, folder)
        for test in sorted({test for mutant in chosen for test in mutant[4]}):
            if not tree.passes(test):
                sys.exit(f"{test} fails without a mutant")
        for claim, file, text, mutant, tests in chosen:
            restore = tree.plant(file, text, mutant)
            caught = [test for test in tests if not tree.passes(test)]
            restore()
            missed = [test for test in tests if test not in caught]
            n_survivors += bool(missed)
            print(f"{claim}: " + (f"NOT noticed by {', '.join(missed)}" if missed else
                                  f"noticed by {', '.join(caught)}"), flush=True)
    print(f"{len(chosen)} mutants, {n_survivors} not noticed as they should be")
    return 1 if n_survivors > 0 or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), sys.argv[2:]))
