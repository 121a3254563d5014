package io.adhocfs.daemon.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.DirectoryItem;
import io.adhocfs.client.DirectoryListing;
import io.adhocfs.client.DirectoryPage;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.client.RenameMode;
import io.adhocfs.daemon.simulation.ModelFileSystem.Node;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A program that works in a directory of its own, where each outcome must be what the model says.
 * Others do their work meanwhile, and daemons die and move their slots.
 */
final class RandomProgram extends Program {
  private static final List<String> NAMES = List.of("a", "b", "c", "d", "e");
  private static final List<RenameMode> MODES = List.of(RenameMode.values());
  private static final int SIZE_MAX = 60_000;
  private static final int OPEN_MAX = 3;
  private static final int DEPTH_MAX = 4;

  /** An open file and what it should hold. */
  private record Opened(OpenFile file, Node node) {}

  /** A place in the model: a directory and its path. */
  private record Place(Node directory, String path) {}

  private final String home;
  private final ModelFileSystem model = new ModelFileSystem();
  private final List<Opened> opened = new ArrayList<>();

  /** Whether writes may find the disks full. */
  private final boolean fullDisks;

  RandomProgram(
      ClientProcess process,
      String home,
      SplittableRandom random,
      int steps,
      long pauseNanosMax,
      boolean fullDisks) {
    super(process, random, steps, pauseNanosMax);
    this.home = home;
    this.fullDisks = fullDisks;
  }

  @Override
  void begin(AdhocFileSystem fs) throws FsException {
    process.await(fs.createDirectoryAsync(path(home), 0755));
  }

  @Override
  void end() throws FsException {
    while (!opened.isEmpty()) {
      close();
    }
  }

  private Place anyPlace() {
    var place = new Place(model.root, home);
    for (int depth = 0; depth < DEPTH_MAX && random.nextInt(3) > 0; depth++) {
      List<Map.Entry<String, Node>> below =
          place.directory.entries.entrySet().stream()
              .filter(entry -> entry.getValue().directory)
              .toList();
      if (below.isEmpty()) {
        return place;
      }
      Map.Entry<String, Node> next = below.get(random.nextInt(below.size()));
      place = new Place(next.getValue(), place.path + "/" + next.getKey());
    }
    return place;
  }

  private String anyName() {
    return NAMES.get(random.nextInt(NAMES.size()));
  }

  private <T extends @Nullable Object> @Nullable T expect(
      @Nullable FsError error, CompletableFuture<T> call) throws FsException {
    T result;
    try {
      result = process.await(call);
    } catch (FsException e) {
      if (e.error() == error) {
        return null;
      }
      throw new AssertionError(
          "expected " + error + ", got " + e.error() + ": " + e.getMessage(), e);
    }
    assertThat(error).as("it should have failed").isNull();
    return result;
  }

  @Override
  void step(AdhocFileSystem fs) throws FsException {
    switch (random.nextInt(23)) {
      case 0, 1 -> makeDirectory(fs);
      case 2, 3, 4 -> open(fs);
      case 5 -> remove(fs);
      case 6 -> rename(fs);
      case 7 -> link(fs);
      case 8 -> list(fs);
      case 9 -> stat(fs);
      case 10 -> close();
      case 11, 12, 13 -> write();
      case 14 -> append();
      case 15, 16 -> read();
      case 17 -> truncate();
      case 18 -> sync();
      case 19 -> punch();
      case 20 -> openAndRead(fs);
      case 21 -> setAttributes(fs);
      default -> attributes();
    }
  }

  private void makeDirectory(AdhocFileSystem fs) throws FsException {
    Place place = anyPlace();
    String name = anyName();
    doing = "mkdir " + place.path + "/" + name;
    FsError error = model.makeError(place.directory, name);
    expect(error, fs.createDirectoryAsync(path(place.path + "/" + name), 0755));
    if (error == null) {
      model.make(place.directory, name, true);
    }
  }

  private void open(AdhocFileSystem fs) throws FsException {
    if (opened.size() >= OPEN_MAX) {
      close();
    }
    Place place = anyPlace();
    String name = anyName();
    boolean exclusive = random.nextBoolean();
    doing = "open " + place.path + "/" + name + (exclusive ? " O_EXCL" : "");
    Node there = place.directory.entries.get(name);
    FsError error =
        there == null
            ? null
            : exclusive ? FsError.EXISTS : there.directory ? FsError.IS_DIRECTORY : null;
    OpenFile file =
        expect(
            error,
            fs.openAsync(
                path(place.path + "/" + name),
                exclusive ? OpenOptions.CREATE_NEW : OpenOptions.CREATE));
    if (file != null) {
      Node node = there == null ? model.make(place.directory, name, false) : there;
      node.pin++;
      opened.add(new Opened(file, node));
    }
  }

  private void close() throws FsException {
    if (!opened.isEmpty()) {
      Opened one = opened.remove(random.nextInt(opened.size()));
      doing = "close";
      process.await(one.file.closeAsync());
      one.node.pin--;
    }
  }

  private void remove(AdhocFileSystem fs) throws FsException {
    Place place = anyPlace();
    String name = anyName();
    doing = "remove " + place.path + "/" + name;
    Node there = place.directory.entries.get(name);
    FsError error =
        there != null && there.directory
            ? model.removeDirectory(place.directory, name)
            : model.unlink(place.directory, name);
    expect(error, fs.removeAsync(path(place.path + "/" + name)));
  }

  private void rename(AdhocFileSystem fs) throws FsException {
    Place from = anyPlace();
    Place to = random.nextBoolean() ? from : anyPlace();
    String name = anyName();
    String newName = anyName();
    RenameMode mode = MODES.get(random.nextInt(MODES.size()));
    doing = "rename " + from.path + "/" + name + " " + to.path + "/" + newName + " " + mode;
    FsError error = model.rename(from.directory, name, to.directory, newName, flags(mode));
    expect(
        error, fs.renameAsync(path(from.path + "/" + name), path(to.path + "/" + newName), mode));
  }

  private static int flags(RenameMode mode) {
    return switch (mode) {
      case REPLACE -> 0;
      case NO_REPLACE -> 1;
      case EXCHANGE -> 2;
    };
  }

  private void link(AdhocFileSystem fs) throws FsException {
    Place from = anyPlace();
    Place to = anyPlace();
    String name = anyName();
    String newName = anyName();
    Node there = from.directory.entries.get(name);
    if (there == null || there.directory) {
      return;
    }
    doing = "link " + from.path + "/" + name + " " + to.path + "/" + newName;
    FsError error = model.link(there, to.directory, newName);
    expect(error, fs.linkAsync(path(from.path + "/" + name), path(to.path + "/" + newName)));
  }

  private void list(AdhocFileSystem fs) throws FsException {
    Place place = anyPlace();
    doing = "list " + place.path;
    assertThat(names(fs, place.path)).isEqualTo(place.directory.entries.keySet());
  }

  private Set<String> names(AdhocFileSystem fs, String directory) throws FsException {
    DirectoryListing listing = process.await(fs.listAsync(path(directory), false));
    var names = new TreeSet<String>();
    DirectoryPage page;
    do {
      page = process.await(listing.nextPage());
      for (DirectoryItem item : page.items()) {
        assertThat(names.add(item.name().toString())).as("listed twice: " + item.name()).isTrue();
      }
    } while (!page.last());
    return names;
  }

  private void stat(AdhocFileSystem fs) throws FsException {
    Place place = anyPlace();
    String name = anyName();
    doing = "stat " + place.path + "/" + name;
    Node there = place.directory.entries.get(name);
    FileAttributes got =
        expect(
            there == null ? FsError.NOT_FOUND : null, fs.statAsync(path(place.path + "/" + name)));
    if (there != null && got != null) {
      requireAttributes(there, got);
    }
  }

  private static void requireAttributes(Node node, FileAttributes got) {
    assertThat(got.isDirectory()).isEqualTo(node.directory);
    assertThat(got.linkCount()).as("links").isEqualTo(node.links);
    if (node.mode != null) {
      assertThat(got.mode()).as("mode").isEqualTo(node.mode);
    }
    if (!node.directory) {
      assertThat(got.sizeBytes()).as("size").isEqualTo(node.data.length);
    }
  }

  private void setAttributes(AdhocFileSystem fs) throws FsException {
    Place place = anyPlace();
    int mode = random.nextInt(01000);
    long mtimeNanos = random.nextLong(1L << 60);
    doing = "chmod " + place.path + " to " + Integer.toOctalString(mode);
    AttributeChange change = AttributeChange.NONE.withMode(mode).withMtimeNanos(mtimeNanos);
    expect(null, fs.setAttributesAsync(path(place.path), change));
    place.directory.mode = mode;
    FileAttributes got = process.await(fs.statAsync(path(place.path)));
    assertThat(got.mode()).as("mode").isEqualTo(mode);
    assertThat(got.mtimeNanos()).as("modification time").isEqualTo(mtimeNanos);
  }

  private @Nullable Opened anyOpened() {
    return opened.isEmpty() ? null : opened.get(random.nextInt(opened.size()));
  }

  private int anyOffset(Node node) {
    return random.nextInt(4) == 0
        ? random.nextInt(SIZE_MAX)
        : random.nextInt(Math.min(SIZE_MAX, node.data.length + 2000));
  }

  private int anyLength() {
    return 1 + (random.nextInt(3) == 0 ? random.nextInt(12_000) : random.nextInt(600));
  }

  private byte[] anyBytes(int length) {
    var bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  private void write() throws FsException {
    Opened one = anyOpened();
    if (one != null) {
      int offset = anyOffset(one.node);
      byte[] bytes = anyBytes(anyLength());
      doing = "write of " + bytes.length + " at " + offset + " to " + one.file.inode();
      if (hasRoom(one.file.writeAsync(offset, ByteBuffer.wrap(bytes)))) {
        ModelFileSystem.write(one.node, offset, bytes);
      } else {
        adopt(one, offset, bytes);
      }
    }
  }

  /** Whether a call that writes has succeeded, and not found a disk full. */
  private boolean hasRoom(CompletableFuture<?> call) throws FsException {
    try {
      process.await(call);
      return true;
    } catch (FsException e) {
      if (fullDisks && e.error() == FsError.NO_SPACE) {
        return false;
      }
      throw e;
    }
  }

  /**
   * Takes for granted what a write has left that found a disk full: of each byte the old or the new
   * one, and nothing else is different.
   */
  private void adopt(Opened one, int offset, byte[] bytes) throws FsException {
    ByteBuf got = process.await(one.file.readBuffer(0, 2 * SIZE_MAX, null));
    byte[] now = ByteBufUtil.getBytes(got);
    got.release();
    byte[] before = one.node.data;
    assertThat(now.length)
        .as("the size after a write that found no room")
        .isBetween(before.length, Math.max(before.length, offset + bytes.length));
    for (int i = 0; i < now.length; i++) {
      byte old = i < before.length ? before[i] : 0;
      boolean written = i >= offset && i < offset + bytes.length && now[i] == bytes[i - offset];
      if (now[i] != old && !written) {
        throw new AssertionError(
            "byte %d is %d after a write that found no room, and was %d".formatted(i, now[i], old));
      }
    }
    one.node.data = now;
  }

  private void append() throws FsException {
    Opened one = anyOpened();
    if (one != null && one.node.data.length < SIZE_MAX) {
      byte[] bytes = anyBytes(anyLength());
      doing = "append of " + bytes.length + " to " + one.file.inode();
      int end = one.node.data.length;
      CompletableFuture<Long> call = one.file.appendAsync(ByteBuffer.wrap(bytes));
      if (hasRoom(call)) {
        assertThat(call.join()).as("where it was appended").isEqualTo(end);
        ModelFileSystem.write(one.node, end, bytes);
      } else {
        adopt(one, end, bytes);
      }
    }
  }

  private void read() throws FsException {
    Opened one = anyOpened();
    if (one != null) {
      int offset = anyOffset(one.node);
      int length = anyLength();
      doing = "read of " + length + " at " + offset + " from " + one.file.inode();
      ByteBuf got = process.await(one.file.readBuffer(offset, length, null));
      requireBytes(got, one.node, offset, length);
    }
  }

  private static void requireBytes(ByteBuf got, Node node, int offset, int length) {
    byte[] bytes = ByteBufUtil.getBytes(got);
    got.release();
    int from = Math.min(offset, node.data.length);
    byte[] expected =
        Arrays.copyOfRange(
            node.data,
            from,
            Math.min(node.data.length, offset + length) < from
                ? from
                : Math.min(node.data.length, offset + length));
    int differs = Arrays.mismatch(bytes, expected);
    if (differs >= 0) {
      throw new AssertionError(
          "read %d of %d bytes, of which that at %d differs (%s instead of %s)"
              .formatted(
                  bytes.length,
                  expected.length,
                  offset + differs,
                  differs < bytes.length ? bytes[differs] : "none",
                  differs < expected.length ? expected[differs] : "none"));
    }
  }

  private void truncate() throws FsException {
    Opened one = anyOpened();
    if (one != null) {
      int size =
          random.nextBoolean() ? anyOffset(one.node) : random.nextInt(one.node.data.length + 1);
      doing = "truncate of " + one.file.inode() + " to " + size;
      // A file that leaves inline form for it is written to a disk.
      if (hasRoom(one.file.truncateAsync(size))) {
        ModelFileSystem.truncate(one.node, size);
      }
    }
  }

  private void punch() throws FsException {
    Opened one = anyOpened();
    if (one != null) {
      int offset = anyOffset(one.node);
      int length = anyLength();
      doing = "punch of " + length + " at " + offset + " of " + one.file.inode();
      process.await(one.file.punchAsync(offset, length));
      if (offset < one.node.data.length) {
        Arrays.fill(
            one.node.data, offset, Math.min(one.node.data.length, offset + length), (byte) 0);
      }
    }
  }

  private void sync() throws FsException {
    Opened one = anyOpened();
    if (one != null) {
      doing = "fsync of " + one.file.inode();
      process.await(one.file.syncAsync());
    }
  }

  private void attributes() throws FsException {
    Opened one = anyOpened();
    if (one != null) {
      doing = "fstat of " + one.file.inode();
      requireAttributes(one.node, process.await(one.file.attributesAsync()));
    }
  }

  private void openAndRead(AdhocFileSystem fs) throws FsException {
    Place place = anyPlace();
    String name = anyName();
    Node there = place.directory.entries.get(name);
    if (there != null && !there.directory) {
      doing = "open and read " + place.path + "/" + name;
      readWhole(process, fs, place.path + "/" + name, there);
    }
  }

  private static void readWhole(ClientProcess by, AdhocFileSystem fs, String path, Node node)
      throws FsException {
    OpenFile file = by.await(fs.openAsync(path(path), OpenOptions.READ));
    ByteBuf got = by.await(file.readBuffer(0, SIZE_MAX * 2, null));
    requireBytes(got, node, 0, SIZE_MAX * 2);
    by.await(file.closeAsync());
  }

  @Override
  void requireAll(ClientProcess by) throws FsException {
    requireAll(by, by.fileSystem(), new Place(model.root, home));
  }

  private void requireAll(ClientProcess by, AdhocFileSystem fs, Place place) throws FsException {
    doing = "look at " + place.path;
    for (Map.Entry<String, Node> entry : place.directory.entries.entrySet()) {
      String below = place.path + "/" + entry.getKey();
      doing = "look at " + below;
      FileAttributes got = by.await(fs.statAsync(path(below)));
      requireAttributes(entry.getValue(), got);
      if (entry.getValue().directory) {
        requireAll(by, fs, new Place(entry.getValue(), below));
      } else {
        readWhole(by, fs, below, entry.getValue());
      }
    }
  }
}
