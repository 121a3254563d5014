package io.adhocfs.daemon.simulation;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.client.RenameMode;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.BitSet;
import java.util.SplittableRandom;

/**
 * A program whose nodes lose their power. What fsync has returned for is there; what was written
 * since is there or not; and while no power fails, everything is as it was written.
 */
final class SyncedProgram extends Program {
  private static final int UNIT_BYTES = 512;
  private static final int UNITS = 40;
  private static final int FILES = 2;

  /** A file of units, each of which is written whole, with one value. */
  private final class Units {
    final String name;

    /** What each unit held when it was looked at last. */
    final byte[][] now = new byte[UNITS][UNIT_BYTES];

    /** What was written to each unit last. */
    final byte[] written = new byte[UNITS];

    /** What the bytes of a unit may be after a power failure. */
    final BitSet[] possible = new BitSet[UNITS];

    /** Which name it may have after a power failure, besides the one that it has. */
    boolean moved;

    boolean nameMayBeOld;
    OpenFile file;
    int failuresSeen;

    /** How often a sync has said that something may be lost. */
    int losses;

    Units(String name, OpenFile file) {
      this.name = name;
      this.file = file;
      failuresSeen = process.instance().powerFailures();
      for (int unit = 0; unit < UNITS; unit++) {
        possible[unit] = new BitSet();
        possible[unit].set(0);
      }
    }

    String path() {
      return home + "/" + name + (moved ? ".moved" : "");
    }

    void set(int unit, byte value) {
      Arrays.fill(now[unit], value);
      written[unit] = value;
      possible[unit].set(Byte.toUnsignedInt(value));
    }

    /** All that was written is on the disk, whatever has failed meanwhile. */
    void synced() {
      for (int unit = 0; unit < UNITS; unit++) {
        possible[unit].clear();
        possible[unit].set(Byte.toUnsignedInt(written[unit]));
        Arrays.fill(now[unit], written[unit]);
      }
    }

    /** What is there now is what is to be synced. */
    void adopt() {
      for (int unit = 0; unit < UNITS; unit++) {
        written[unit] = now[unit][0];
      }
    }
  }

  private final String home;
  private final Units[] files = new Units[FILES];

  SyncedProgram(
      ClientProcess process, String home, SplittableRandom random, int steps, long pauseNanosMax) {
    super(process, random, steps, pauseNanosMax);
    this.home = home;
  }

  @Override
  void begin(AdhocFileSystem fs) throws FsException {
    InodeId directory;
    do {
      directory = makeHome(fs);
    } while (!isSynced(fs, directory));
    for (int i = 0; i < FILES; i++) {
      doing = "make file " + i;
      files[i] = new Units("f" + i, made(fs, "f" + i, directory));
    }
  }

  private InodeId makeHome(AdhocFileSystem fs) throws FsException {
    doing = "make home";
    try {
      return process.await(fs.createDirectoryAsync(path(home), 0755)).id();
    } catch (FsException e) {
      if (e.error() != FsError.EXISTS) {
        throw e;
      }
      return process.await(fs.statAsync(path(home))).id();
    }
  }

  private boolean isSynced(AdhocFileSystem fs, InodeId directory) throws FsException {
    int failures = process.instance().powerFailures();
    try {
      process.await(fs.inodes().sync(InodeId.ROOT));
      process.await(fs.inodes().sync(directory));
    } catch (FsException e) {
      if (process.instance().powerFailures() == 0) {
        throw e;
      }
      return false;
    }
    return failures == process.instance().powerFailures();
  }

  /** Makes a file whose name and bytes are on the disk. */
  private OpenFile made(AdhocFileSystem fs, String name, InodeId directory) throws FsException {
    while (true) {
      int failures = process.instance().powerFailures();
      try {
        OpenFile file = process.await(fs.openAsync(path(home + "/" + name), OpenOptions.CREATE));
        process.await(file.writeAsync(0, ByteBuffer.allocate(UNITS * UNIT_BYTES)));
        process.await(file.syncAsync());
        process.await(fs.inodes().sync(directory));
        if (failures == process.instance().powerFailures()) {
          return file;
        }
        process.await(file.closeAsync());
      } catch (FsException e) {
        // What has just been made may be gone with the power, or be there without its bytes.
        if (process.instance().powerFailures() == 0) {
          throw e;
        }
        removeIfThere(fs, home + "/" + name);
      }
    }
  }

  private void removeIfThere(AdhocFileSystem fs, String name) throws FsException {
    try {
      process.await(fs.removeAsync(path(name)));
    } catch (FsException e) {
      if (e.error() != FsError.NOT_FOUND) {
        throw e;
      }
    }
  }

  @Override
  void step(AdhocFileSystem fs) throws FsException {
    Units one = files[random.nextInt(FILES)];
    switch (random.nextInt(8)) {
      case 0, 1, 2, 3 -> write(one);
      case 4, 5 -> sync(one);
      case 6 -> read(process, one);
      default -> rename(fs, one);
    }
  }

  private void write(Units one) throws FsException {
    int first = random.nextInt(UNITS);
    int count = 1 + random.nextInt(Math.min(UNITS - first, random.nextInt(4) == 0 ? UNITS : 3));
    byte value = (byte) random.nextInt(1, 256);
    doing = "write of %d units from %d of %s as %d".formatted(count, first, one.name, value);
    for (int unit = first; unit < first + count; unit++) {
      one.possible[unit].set(Byte.toUnsignedInt(value));
    }
    var bytes = new byte[count * UNIT_BYTES];
    Arrays.fill(bytes, value);
    process.await(one.file.writeAsync((long) first * UNIT_BYTES, ByteBuffer.wrap(bytes)));
    for (int unit = first; unit < first + count; unit++) {
      one.set(unit, value);
    }
  }

  private void sync(Units one) throws FsException {
    doing = "fsync of " + one.name;
    try {
      process.await(one.file.syncAsync());
      one.synced();
    } catch (FsException e) {
      // It says that something may be lost, once for each failure: what is there now counts.
      if (e.error() != FsError.STORAGE_FAILED
          || ++one.losses > process.instance().powerFailures()) {
        throw e;
      }
      do {
        read(process, one);
      } while (process.instance().powerFailures() != one.failuresSeen);
      one.adopt();
    }
  }

  /** Everything as it was written; after a power failure, as it may be. */
  private void read(ClientProcess by, Units one) throws FsException {
    doing = "read of " + one.name;
    // A failure within the read may undo what the read has seen before.
    int failuresBefore = process.instance().powerFailures();
    ByteBuf got = by.await(one.file.readBuffer(0, UNITS * UNIT_BYTES, null));
    byte[] bytes = ByteBufUtil.getBytes(got);
    got.release();
    boolean certain = process.instance().powerFailures() == one.failuresSeen;
    one.failuresSeen = failuresBefore;
    compare(one, bytes, certain);
  }

  private void compare(Units one, byte[] bytes, boolean certain) {
    if (bytes.length != UNITS * UNIT_BYTES) {
      throw new AssertionError("%s has %d bytes".formatted(one.name, bytes.length));
    }
    for (int unit = 0; unit < UNITS; unit++) {
      for (int at = 0; at < UNIT_BYTES; at++) {
        byte value = bytes[unit * UNIT_BYTES + at];
        boolean right =
            certain
                ? value == one.now[unit][at]
                : one.possible[unit].get(Byte.toUnsignedInt(value));
        if (!right) {
          throw new AssertionError(
              "byte %d of unit %d of %s is %d instead of %s"
                  .formatted(
                      at,
                      unit,
                      one.name,
                      value,
                      certain ? one.now[unit][at] : "one of " + one.possible[unit]));
        }
        one.now[unit][at] = value;
      }
    }
  }

  /** The file has one name, the old or the new, whatever happens meanwhile. */
  private void rename(AdhocFileSystem fs, Units one) throws FsException {
    String from = one.path();
    one.moved = !one.moved;
    String to = one.path();
    doing = "rename of " + from + " to " + to;
    int failures = process.instance().powerFailures();
    try {
      process.await(fs.renameAsync(path(from), path(to), RenameMode.REPLACE));
    } catch (FsException e) {
      // An earlier rename may have been undone by a power failure.
      if (e.error() != FsError.NOT_FOUND || !one.nameMayBeOld) {
        throw e;
      }
    }
    one.nameMayBeOld = true;
    boolean old = exists(fs, from);
    boolean present = exists(fs, to);
    if (failures == process.instance().powerFailures() && old == present) {
      throw new AssertionError(
          old ? "both names are there" : "neither name of " + one.name + " is there");
    }
    if (old && !present) {
      one.moved = !one.moved;
    }
  }

  private boolean exists(AdhocFileSystem fs, String name) throws FsException {
    try {
      process.await(fs.statAsync(path(name)));
      return true;
    } catch (FsException e) {
      if (e.error() == FsError.NOT_FOUND) {
        return false;
      }
      throw e;
    }
  }

  @Override
  void end() throws FsException {
    for (Units one : files) {
      read(process, one);
      process.await(one.file.closeAsync());
    }
  }

  @Override
  void requireAll(ClientProcess by) throws FsException {
    AdhocFileSystem fs = by.fileSystem();
    for (Units one : files) {
      OpenFile found = null;
      for (String name : new String[] {one.name, one.name + ".moved"}) {
        try {
          OpenFile file = by.await(fs.openAsync(path(home + "/" + name), OpenOptions.READ));
          if (found != null) {
            throw new AssertionError("both names of " + one.name + " are there");
          }
          found = file;
        } catch (FsException e) {
          if (e.error() != FsError.NOT_FOUND) {
            throw e;
          }
        }
      }
      if (found == null) {
        throw new AssertionError("neither name of " + one.name + " is there");
      }
      one.file = found;
      read(by, one);
      by.await(found.closeAsync());
    }
  }
}
