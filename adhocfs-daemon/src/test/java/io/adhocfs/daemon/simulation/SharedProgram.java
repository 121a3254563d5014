package io.adhocfs.daemon.simulation;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.client.RenameMode;
import io.adhocfs.protocol.model.FileLock;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.LockMode;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * A program that works on the same files as others at the same time: appends to a log, counts under
 * a lock, makes names that only one may get, moves a file that all want, and reads what one writes.
 */
final class SharedProgram extends Program {
  private static final int RECORD_BYTES = 16;
  private static final String HOME = "/shared";
  private static final int NAMES = 1000;

  /** What all of them together have done, and must be so in the end. */
  static final class Together {
    /** Records whose append has returned. */
    private final Set<Long> appended = new HashSet<>();

    private long counted;
    private final Map<String, String> winners = new HashMap<>();

    /** The last version that is certainly stored, and the last that may be. */
    private long versionStored;

    private long versionBegun;

    /** The last version that others have been told of, should they keep an older one. */
    private long versionTold;

    private final boolean keeps;
    private int programs;
    private boolean looked;

    /**
     * @param keeps whether programs keep what they have read until they are told of changes
     */
    Together(boolean keeps) {
      this.keeps = keeps;
    }
  }

  private final Together together;
  private final int number;
  private long records;
  private OpenFile log;
  private OpenFile counter;
  private OpenFile register;

  @SuppressWarnings("NullAway.Init") // Opened before the first step.
  SharedProgram(
      ClientProcess process,
      Together together,
      SplittableRandom random,
      int steps,
      long pauseNanosMax) {
    super(process, random, steps, pauseNanosMax);
    this.together = together;
    this.number = together.programs++;
  }

  @Override
  void begin(AdhocFileSystem fs) throws FsException {
    doing = "begin";
    for (String directory : List.of(HOME, HOME + "/a", HOME + "/b")) {
      try {
        process.await(fs.createDirectoryAsync(path(directory), 0755));
      } catch (FsException e) {
        require(e.error() == FsError.EXISTS, e.getMessage());
      }
    }
    log = process.await(fs.openAsync(path(HOME + "/log"), OpenOptions.CREATE));
    counter = process.await(fs.openAsync(path(HOME + "/counter"), OpenOptions.CREATE));
    register = process.await(fs.openAsync(path(HOME + "/register"), OpenOptions.CREATE));
    if (together.keeps && number > 0) {
      OpenFile plain = register;
      register = process.kept().open(fs, plain.inode());
      process.await(plain.closeAsync());
    }
    if (number == 0) {
      OpenFile token = process.await(fs.openAsync(path(HOME + "/a/token"), OpenOptions.CREATE_NEW));
      process.await(token.closeAsync());
    }
  }

  private static void require(boolean condition, @Nullable Object what) {
    if (!condition) {
      throw new AssertionError(what);
    }
  }

  @Override
  void step(AdhocFileSystem fs) throws FsException {
    switch (random.nextInt(6)) {
      case 0, 1 -> append();
      case 2 -> count();
      case 3 -> makeName(fs);
      case 4 -> moveToken(fs);
      default -> {
        if (number == 0) {
          writeVersion();
        } else {
          readVersion();
        }
      }
    }
  }

  private void append() throws FsException {
    long record = (long) number << 32 | ++records;
    doing = "append of " + Long.toHexString(record);
    long at =
        process.await(
            log.appendAsync(
                ByteBuffer.allocate(RECORD_BYTES).putLong(record).putLong(record).flip()));
    require(at % RECORD_BYTES == 0, "appended at " + at);
    together.appended.add(record);
  }

  private void count() throws FsException {
    doing = "lock";
    var whole = FileLock.whole(LockMode.EXCLUSIVE, 1);
    process.await(counter.awaitLockAsync(number + 1, whole));
    doing = "count";
    long value = KeptNumbers.read(process, counter) + 1;
    process.await(counter.writeAsync(0, ByteBuffer.allocate(8).putLong(value).flip()));
    together.counted++;
    doing = "unlock";
    process.await(counter.setLockAsync(number + 1, FileLock.whole(LockMode.NONE, 1)));
  }

  private void makeName(AdhocFileSystem fs) throws FsException {
    String name = HOME + "/x" + random.nextInt(NAMES);
    doing = "make " + name;
    String known = together.winners.get(name);
    try {
      OpenFile file = process.await(fs.openAsync(path(name), OpenOptions.CREATE_NEW));
      String other = together.winners.put(name, process.name() + "." + number);
      require(other == null, "it was made by " + other);
      process.await(file.closeAsync());
    } catch (FsException e) {
      require(e.error() == FsError.EXISTS, e.getMessage());
      require(
          known != null || together.winners.containsKey(name) || together.programs > 1,
          "nobody else has made it");
    }
  }

  private void moveToken(AdhocFileSystem fs) throws FsException {
    boolean there = random.nextBoolean();
    String from = HOME + (there ? "/a/token" : "/b/token");
    String to = HOME + (there ? "/b/token" : "/a/token");
    doing = "rename " + from + " " + to;
    try {
      process.await(fs.renameAsync(path(from), path(to), RenameMode.NO_REPLACE));
    } catch (FsException e) {
      require(
          e.error() == FsError.NOT_FOUND || e.error() == FsError.EXISTS,
          e.error() + " " + e.getMessage());
      require(e.error() != FsError.EXISTS, "two tokens: " + e.getMessage());
    }
  }

  private void writeVersion() throws FsException {
    long version = ++together.versionBegun;
    doing = "write of version " + version;
    process.await(register.writeAsync(0, ByteBuffer.allocate(8).putLong(version).flip()));
    together.versionStored = version;
    if (together.keeps) {
      process.kept().written(register.inode());
    }
    if (random.nextBoolean()) {
      doing = "flush of version " + version;
      process.await(register.flushAsync());
      together.versionTold = version;
    }
  }

  private void readVersion() throws FsException {
    long least = together.keeps ? together.versionTold : together.versionStored;
    doing = "read of a version from " + least + " on";
    long version =
        together.keeps ? process.kept().number(register) : KeptNumbers.read(process, register);
    require(
        version >= least && version <= together.versionBegun,
        "read version %d; %d was stored before, %d begun"
            .formatted(version, least, together.versionBegun));
  }

  @Override
  void end() throws FsException {
    doing = "close";
    process.await(log.closeAsync());
    process.await(counter.closeAsync());
    process.await(register.closeAsync());
  }

  @Override
  void requireAll(ClientProcess by) throws FsException {
    if (together.looked) {
      return;
    }
    together.looked = true;
    AdhocFileSystem fs = by.fileSystem();
    requireLog(by, fs);
    doing = "look at the counter";
    OpenFile file = by.await(fs.openAsync(path(HOME + "/counter"), OpenOptions.READ));
    long value = KeptNumbers.read(by, file);
    require(value == together.counted, "counted " + value + " of " + together.counted);
    by.await(file.closeAsync());
    doing = "look for the token";
    int tokens = 0;
    for (String name : List.of("/a/token", "/b/token")) {
      try {
        by.await(fs.statAsync(path(HOME + name)));
        tokens++;
      } catch (FsException e) {
        require(e.error() == FsError.NOT_FOUND, e.getMessage());
      }
    }
    require(tokens == 1, tokens + " tokens");
  }

  private void requireLog(ClientProcess by, AdhocFileSystem fs) throws FsException {
    doing = "look at the log";
    OpenFile file = by.await(fs.openAsync(path(HOME + "/log"), OpenOptions.READ));
    ByteBuf got = by.await(file.readBuffer(0, 10_000_000, null));
    List<Long> found = new ArrayList<>();
    while (got.isReadable()) {
      require(got.readableBytes() >= RECORD_BYTES, "a record of " + got.readableBytes() + " bytes");
      long record = got.readLong();
      require(record == got.readLong(), "a torn record at " + (got.readerIndex() - RECORD_BYTES));
      found.add(record);
    }
    got.release();
    by.await(file.closeAsync());
    Map<Long, Long> last = new HashMap<>();
    for (long record : found) {
      Long before = last.put(record >>> 32, record);
      require(
          before == null || before < record,
          "record " + Long.toHexString(record) + " is late or twice");
    }
    Set<Long> missing = new HashSet<>(together.appended);
    found.forEach(missing::remove);
    require(missing.isEmpty(), missing.size() + " records are missing");
    require(found.size() == together.appended.size(), "records that nobody has appended");
  }
}
