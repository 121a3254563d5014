package io.adhocfs.it.directories;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.it.instance.TestInstance;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;

/**
 * Directories that get big, on two mounts of four daemons: the entries come and go while they are
 * listed, all that a directory is holds for all of its partitions, and many entries work.
 */
class BigDirectoriesIT {
  private static final boolean FULL = Boolean.getBoolean("adhocfs.full");
  private static final int SPREAD_ENTRIES = 200;

  private static TestInstance instance;
  private static Path first;
  private static Path second;
  private Path here = Path.of("");
  private Path there = Path.of("");

  @BeforeAll
  static void mount() throws Exception {
    instance = TestInstance.up(4, "--set", "directory.spread-entries=" + SPREAD_ENTRIES);
    first = instance.mount();
    second = instance.mount();
  }

  @AfterAll
  static void takeDown() throws Exception {
    try (TestInstance closing = instance) {
      closing.verify();
    }
  }

  @BeforeEach
  void makeDirectory(TestInfo info) throws Exception {
    String name = info.getTestMethod().orElseThrow().getName();
    here = Files.createDirectory(first.resolve(name));
    there = second.resolve(name);
  }

  private String run(String script) throws Exception {
    return instance.bash(here, "here=" + here + " there=" + there + "\n" + script).strip();
  }

  /** How many files each node keeps, by {@code adhocfs status}. */
  private static Map<String, Long> filesByNode() throws Exception {
    Map<String, Long> files = new TreeMap<>();
    String json = instance.adhocfs("status", "--json").expectSuccess().output();
    Matcher node =
        Pattern.compile("\"id\"\\s*:\\s*\"(n\\d+)\"[^{}]*?\"files\"\\s*:\\s*(\\d+)").matcher(json);
    while (node.find()) {
      files.put(node.group(1), Long.parseLong(node.group(2)));
    }
    assertThat(files).as(json).hasSize(4);
    return files;
  }

  @Test
  void entriesAreSpreadOverAllNodes() throws Exception {
    Map<String, Long> before = filesByNode();
    run("seq 1 4000 | xargs touch");
    Map<String, Long> after = filesByNode();
    after.forEach((node, files) ->
        assertThat(files - before.getOrDefault(node, 0L)).as(node).isGreaterThan(100));
    assertThat(run("ls -f $there | wc -l")).isEqualTo("4002");
  }

  @Test
  void whatIsThereAllTheTimeIsListedOnceWhileOthersComeAndGo() throws Exception {
    // The listings begin before the directory is spread, and go on through it.
    run(
        """
        for i in $(seq 1 100); do : > stays$i; done
        (for round in 1 2 3; do
          seq -f 'comes%g' 1 600 | xargs touch
          for i in $(seq 1 20); do mv comes$i goes$i; done
          ls -f | grep comes | xargs rm; rm -f goes*
        done; touch $here/../done) & worker=$!
        n=0
        while [ ! -e $here/../done ]; do
          for d in $here $there; do
            ls -f $d > $here/../listing
            [ $(grep -c stays $here/../listing) = 100 ] || { echo missed; exit 1; }
            [ -z "$(sort $here/../listing | uniq -d)" ] || { echo doubled; exit 1; }
            n=$((n+1))
          done
        done
        wait $worker; rm $here/../done $here/../listing
        [ $n -gt 2 ]
        """);
    assertThat(run("ls | wc -l")).isEqualTo("100");
  }

  @Test
  void oneThatIsNotEmptyStaysAndOneThatIsGoes() throws Exception {
    run(
        """
        mkdir big; cd big
        seq 1 500 | xargs touch; mkdir sub; cd ..
        ! rmdir big 2> /dev/null
        seq 1 500 | (cd big; xargs rm)
        ! rmdir $there/big 2> /dev/null
        rmdir big/sub; rmdir $there/big
        [ ! -e big ]
        mkdir big; : > big/again; rm -r big
        """);
  }

  @Test
  void anEmptyOneCanBeReplacedByARenameAndAFullOneCannot() throws Exception {
    run(
        """
        mkdir big new; (cd big; seq 1 500 | xargs touch)
        ! mv -T new big 2> /dev/null
        rm big/*
        : > new/file; mv -T new $there/big; [ -e big/file ]; [ ! -e new ]
        """);
  }

  @Test
  void linksTimesAndModeAreTheWholeDirectorys() throws Exception {
    run(
        """
        mkdir big; cd big; seq 1 400 | xargs touch; seq -f 'd%g' 1 50 | xargs mkdir
        [ $(stat -c %h $there/big) = 52 ]; [ $(ls $there/big | wc -l) = 450 ]
        chmod 2750 .; chgrp 4321 . 2> /dev/null || true; chmod 2750 .
        [ $(stat -c %a $there/big) = 2750 ]
        g=$(stat -c %g .)
        for i in $(seq 1 40); do : > $there/big/n$i; mkdir $there/big/s$i; done
        [ $(stat -c %g n* | sort -u) = $g ]; [ $(stat -c %a s* | sort -u | cut -c1) = 2 ]
        touch -d '2001-02-03 04:05:06' .
        [ "$(stat -c %Y $there/big)" = $(date -d '2001-02-03 04:05:06' +%s) ]
        : > $there/big/later
        [ $(stat -c %Y .) -gt $(date -d '2020-01-01' +%s) ]
        setfattr -n user.kind -v big . && [ "$(getfattr --only-values -n user.kind $there/big)" = big ]
        """);
  }

  @Test
  void namesMoveInIntoAndOutOfIt() throws Exception {
    run(
        """
        mkdir big other; cd big; seq 1 500 | xargs touch
        for i in $(seq 1 50); do mv $i m$i; ln m$i l$i; (cd $there/big; mv m$i ../other/o$i); done
        for i in $(seq 1 50); do mv ../other/o$i x$i; [ $(stat -c %h l$i) = 2 ]; rm x$i; done
        [ $(ls | wc -l) = 500 ]; [ -z "$(ls ../other)" ]
        mkdir deep; mv deep ../other/deep; mv ../other/deep deep2; rmdir deep2
        """);
  }

  @Test
  void aListingGoesOnWhereItWasAcrossTheSpreading() throws Exception {
    Files.writeString(
        instance.scratch().resolve("seek.py"),
        """
        import ctypes, os, sys
        libc = ctypes.CDLL(None, use_errno=True)
        class Dirent(ctypes.Structure):
            _fields_ = [('ino', ctypes.c_uint64), ('off', ctypes.c_int64),
                        ('reclen', ctypes.c_ushort), ('type', ctypes.c_ubyte),
                        ('name', ctypes.c_char * 256)]
        libc.opendir.restype = ctypes.c_void_p
        libc.readdir.restype = ctypes.POINTER(Dirent)
        libc.readdir.argtypes = [ctypes.c_void_p]
        libc.telldir.restype = ctypes.c_long
        libc.telldir.argtypes = [ctypes.c_void_p]
        libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]
        d = libc.opendir(sys.argv[1].encode())
        names, places = [], []
        for i in range(60):
            places.append(libc.telldir(d))
            names.append(libc.readdir(d).contents.name)
        for i in range(400):
            open(os.path.join(sys.argv[1], 'more%d' % i), 'w').close()
        seen = set(names)
        while True:
            e = libc.readdir(d)
            if not e: break
            assert e.contents.name not in seen, e.contents.name
            seen.add(e.contents.name)
        missing = [n for n in range(150) if ('n%d' % n).encode() not in seen]
        assert not missing, missing
        assert len(os.listdir(sys.argv[1])) == 550
        for i in range(59, 1, -7):
            libc.seekdir(d, places[i])
            rest = set()
            while True:
                e = libc.readdir(d)
                if not e: break
                rest.add(e.contents.name)
            assert names[i] in rest, (i, names[i])
            old = [n for n in names[:i] if n in rest]
            assert not old, (i, old)
        """);
    run(
        "for i in $(seq 0 149); do : > n$i; done; python3 "
            + instance.scratch()
            + "/seek.py $here");
  }

  @Test
  void aGreatManyEntriesWork() throws Exception {
    int entries = FULL ? 1_000_000 : 20_000;
    long begun = System.nanoTime();
    run(
        """
        mkdir many; cd many
        for p in a b c d; do (seq -f "$p%%.0f" 1 %d | xargs touch) & done; wait
        """
            .formatted(entries / 4));
    long created = System.nanoTime();
    assertThat(run("ls -f many | wc -l")).isEqualTo(Integer.toString(entries + 2));
    long listed = System.nanoTime();
    run("rm -r many; [ ! -e $there/many ]");
    System.out.printf(
        "%d entries: created %.1f s, listed %.1f s, removed %.1f s%n",
        entries,
        (created - begun) / 1e9,
        (listed - created) / 1e9,
        (System.nanoTime() - listed) / 1e9);
  }
}
