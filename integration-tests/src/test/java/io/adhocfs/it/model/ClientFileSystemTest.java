package io.adhocfs.it.model;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.AttributeSetMode;
import io.adhocfs.client.Job;
import io.adhocfs.fuse.Caller;
import io.adhocfs.fuse.Callers;
import io.adhocfs.fuse.ClientFileSystem;
import io.adhocfs.fuse.InodeFileSystem;
import io.adhocfs.fuse.InodeFileSystem.AttributesReply;
import io.adhocfs.fuse.InodeFileSystem.BytesReply;
import io.adhocfs.fuse.InodeFileSystem.CreateReply;
import io.adhocfs.fuse.InodeFileSystem.DataReply;
import io.adhocfs.fuse.InodeFileSystem.DirectoryReply;
import io.adhocfs.fuse.InodeFileSystem.DoneReply;
import io.adhocfs.fuse.InodeFileSystem.OpenMode;
import io.adhocfs.fuse.InodeFileSystem.OpenReply;
import io.adhocfs.fuse.InodeFileSystem.WriteReply;
import io.adhocfs.fuse.SwitchAttributes;
import io.adhocfs.it.instance.Waiting;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.Owner;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The adapter between the kernel's requests and the client, on real daemons. */
class ClientFileSystemTest {
  private static final int O_RDWR = 2;
  private static final int O_EXCL = 0200;
  private static final int O_TRUNC = 01000;
  private static final int O_APPEND = 02000;
  private static final long ROOT = 1;
  private static final Owner OWNER = new Owner(1000, 2000);

  @TempDir private Path directory;
  private InProcessCluster cluster;
  private AdhocFileSystem client;
  private InodeFileSystem fs;

  @BeforeEach
  void start() throws Exception {
    cluster =
        new InProcessCluster(directory, 2, Map.of("chunk.size", "16KiB", "inline.max", "1KiB"));
    client = cluster.client();
    fs = new ClientFileSystem(client);
  }

  @AfterEach
  void stop() {
    client.close();
    cluster.close();
  }

  private static final class TestRequest implements InodeFileSystem.Request {
    private @Nullable Runnable action;
    private boolean interrupted;

    @Override
    public Caller caller() {
      return new Caller(OWNER.uid(), OWNER.gid(), 1);
    }

    @Override
    public synchronized void onInterrupt(Runnable newAction) {
      if (interrupted) {
        newAction.run();
      } else {
        action = newAction;
      }
    }

    synchronized void interrupt() {
      interrupted = true;
      if (action != null) {
        action.run();
      }
    }
  }

  /** Takes any answer; an error is the number of its kind. */
  private static final class Answer
      implements AttributesReply,
          OpenReply,
          CreateReply,
          WriteReply,
          DoneReply,
          DataReply,
          BytesReply {
    private final CompletableFuture<Object> value = new CompletableFuture<>();
    private long handle;
    private @Nullable OpenMode mode;

    @Override
    public void error(FsError error) {
      value.complete(error);
    }

    @Override
    public void attributes(FileAttributes attributes) {
      value.complete(attributes);
    }

    @Override
    public void opened(long newHandle, OpenMode newMode, FileAttributes attributes) {
      handle = newHandle;
      mode = newMode;
      value.complete(true);
    }

    @Override
    public void created(FileAttributes attributes, long newHandle, OpenMode newMode) {
      handle = newHandle;
      mode = newMode;
      value.complete(attributes);
    }

    @Override
    public void written(int lengthBytes) {
      value.complete(lengthBytes);
    }

    @Override
    public void done() {
      value.complete(true);
    }

    @Override
    public void data(ByteBuf data) {
      value.complete(new String(ByteBufUtil.getBytes(data), StandardCharsets.UTF_8));
      data.release();
    }

    @Override
    public void bytes(byte[] bytes) {
      value.complete(new String(bytes, StandardCharsets.UTF_8));
    }

    Object get() {
      try {
        return value.get(60, TimeUnit.SECONDS);
      } catch (Exception e) {
        throw new AssertionError("no answer", e);
      }
    }

    FileAttributes attributes() {
      assertThat(get()).isInstanceOf(FileAttributes.class);
      return (FileAttributes) get();
    }
  }

  private static EntryName name(String text) {
    try {
      return EntryName.ofText(text);
    } catch (FsException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private Answer create(String name, int flags) {
    var answer = new Answer();
    NewInode file = NewInode.regularFile(0640, OWNER);
    fs.create(new TestRequest(), ROOT, name(name), file, O_RDWR | flags, answer);
    return answer;
  }

  private Answer open(long inode, int flags) {
    var answer = new Answer();
    fs.open(new TestRequest(), inode, O_RDWR | flags, answer);
    return answer;
  }

  private Object write(long inode, long handle, long offset, String text) {
    var answer = new Answer();
    fs.write(
        new TestRequest(),
        inode,
        handle,
        offset,
        Unpooled.copiedBuffer(text, StandardCharsets.UTF_8),
        answer);
    return answer.get();
  }

  private Object read(long inode, long handle, long offset, int length) {
    var answer = new Answer();
    fs.read(new TestRequest(), inode, handle, offset, length, answer);
    return answer.get();
  }

  private FileAttributes getAttributes(long inode) {
    var answer = new Answer();
    fs.getAttributes(new TestRequest(), inode, -1, answer);
    return answer.attributes();
  }

  @Test
  void createsWritesReadsAndForgets() {
    Answer created = create("file", 0);
    FileAttributes made = created.attributes();
    assertThat(made.uid()).isEqualTo(1000);
    assertThat(made.gid()).isEqualTo(2000);
    assertThat(made.mode()).isEqualTo(0640);
    long inode = made.id().value();
    assertThat(write(inode, created.handle, 0, "hello")).isEqualTo(5);
    assertThat(write(inode, created.handle, 20_000, "far")).isEqualTo(3);
    assertThat(getAttributes(inode).sizeBytes()).isEqualTo(20_003);
    assertThat(read(inode, created.handle, 0, 5)).isEqualTo("hello");
    assertThat(read(inode, created.handle, 20_001, 100)).isEqualTo("ar");
    assertThat(read(inode, created.handle, 30_000, 100)).isEqualTo("");
    close(inode, created.handle);
    assertThat(read(inode, created.handle, 0, 1)).isEqualTo(FsError.BAD_HANDLE);
    assertThat(write(inode, created.handle, 0, "x")).isEqualTo(FsError.BAD_HANDLE);
  }

  private void close(long inode, long handle) {
    var flushed = new Answer();
    fs.flush(new TestRequest(), inode, handle, flushed);
    assertThat(flushed.get()).isEqualTo(true);
    var released = new Answer();
    fs.release(new TestRequest(), inode, handle, released);
    assertThat(released.get()).isEqualTo(true);
  }

  /** Opens a file through another mount and writes there; answers the handle. */
  private static long openAndWrite(
      InodeFileSystem elsewhere, long inode, long offset, String text) {
    var opened = new Answer();
    elsewhere.open(new TestRequest(), inode, O_RDWR, opened);
    assertThat(opened.get()).isEqualTo(true);
    var written = new Answer();
    elsewhere.write(
        new TestRequest(),
        inode,
        opened.handle,
        offset,
        Unpooled.copiedBuffer(text, StandardCharsets.UTF_8),
        written);
    assertThat(written.get()).isEqualTo(text.length());
    return opened.handle;
  }

  private boolean keepsPages(Answer opened) {
    assertThat(opened.get()).isNotInstanceOf(FsError.class);
    return Objects.requireNonNull(opened.mode).keepCache();
  }

  @ParameterizedTest
  @ValueSource(ints = {100, 5_000, 40_000})
  void pagesStayOverWhatThisMountHasWrittenAndNoOther(int lengthBytes) throws Exception {
    Answer created = create("file", 0);
    FileAttributes made = created.attributes();
    long inode = made.id().value();
    long stamp = fs.pagesStamp(made);
    for (int i = 0; i < 3; i++) {
      assertThat(write(inode, created.handle, (long) i * lengthBytes, "x".repeat(lengthBytes)))
          .isEqualTo(lengthBytes);
      assertThat(fs.pagesStamp(getAttributes(inode))).isEqualTo(stamp);
    }
    assertThat(write(inode, created.handle, 7, "inside")).isEqualTo(6);
    close(inode, created.handle);
    assertThat(fs.pagesStamp(getAttributes(inode))).isEqualTo(stamp);
    Answer again = open(inode, 0);
    assertThat(keepsPages(again)).isTrue();
    close(inode, again.handle);

    try (AdhocFileSystem other = cluster.client()) {
      InodeFileSystem elsewhere = new ClientFileSystem(other);
      long handle = openAndWrite(elsewhere, inode, 3, "other");
      var flushed = new Answer();
      elsewhere.flush(new TestRequest(), inode, handle, flushed);
      assertThat(flushed.get()).isEqualTo(true);
    }
    long next = fs.pagesStamp(getAttributes(inode));
    assertThat(next).isNotEqualTo(stamp);
    Answer dropping = open(inode, 0);
    assertThat(keepsPages(dropping)).isFalse();
    assertThat(read(inode, dropping.handle, 0, 10)).isEqualTo("xxxotherns");
    assertThat(keepsPages(open(inode, 0))).isTrue();

    Answer appending = open(inode, O_APPEND);
    assertThat(keepsPages(appending)).isFalse();
    assertThat(write(inode, appending.handle, 0, "tail")).isEqualTo(4);
    assertThat(fs.pagesStamp(getAttributes(inode))).isNotEqualTo(next);
    assertThat(keepsPages(open(inode, 0))).isFalse();
  }

  @Test
  void exclusiveCreationHasOneWinner() {
    assertThat(create("file", O_EXCL).get()).isInstanceOf(FileAttributes.class);
    assertThat(create("file", O_EXCL).get()).isEqualTo(FsError.EXISTS);
    assertThat(create("file", 0).get()).isInstanceOf(FileAttributes.class);
  }

  @Test
  void truncatesAtOpenAndBySetattr() {
    Answer created = create("file", 0);
    long inode = created.attributes().id().value();
    assertThat(write(inode, created.handle, 0, "hello")).isEqualTo(5);
    var set = new Answer();
    fs.setAttributes(
        new TestRequest(),
        inode,
        created.handle,
        AttributeChange.NONE.withMode(0600).withMtimeNanos(7),
        OptionalLong.of(2),
        set);
    assertThat(set.attributes().sizeBytes()).isEqualTo(2);
    assertThat(set.attributes().mtimeNanos()).isEqualTo(7);
    assertThat(set.attributes().mode()).isEqualTo(0600);
    assertThat(read(inode, created.handle, 0, 10)).isEqualTo("he");
    assertThat(open(inode, O_TRUNC).get()).isEqualTo(true);
    assertThat(getAttributes(inode).sizeBytes()).isZero();
    assertThat(create("file", O_TRUNC).attributes().sizeBytes()).isZero();
    var unchanged = new Answer();
    fs.setAttributes(
        new TestRequest(), inode, -1, AttributeChange.NONE, OptionalLong.empty(), unchanged);
    assertThat(unchanged.attributes().mode()).isEqualTo(0600);
  }

  @Test
  void appendingHandlesIgnoreTheOffset() {
    Answer created = create("log", O_APPEND);
    long inode = created.attributes().id().value();
    assertThat(created.mode).isEqualTo(new OpenMode(true, false));
    Answer second = open(inode, O_APPEND);
    assertThat(second.get()).isEqualTo(true);
    assertThat(write(inode, created.handle, 0, "one ")).isEqualTo(4);
    assertThat(write(inode, second.handle, 0, "two ")).isEqualTo(4);
    assertThat(write(inode, created.handle, 999, "three")).isEqualTo(5);
    assertThat(read(inode, created.handle, 0, 100)).isEqualTo("one two three");
  }

  @Test
  void readsThroughAHandleSeeWhatOthersWroteOnceTheKernelHasAsked() throws Exception {
    Answer mine = create("file", 0);
    long inode = mine.attributes().id().value();
    try (AdhocFileSystem other = cluster.client()) {
      var _ = openAndWrite(new ClientFileSystem(other), inode, 0, "x".repeat(40_000));
      assertThat(getAttributes(inode).sizeBytes()).isEqualTo(40_000);
      assertThat(read(inode, mine.handle, 0, 50_000)).isEqualTo("x".repeat(40_000));
    }
  }

  private static final class Listed implements DirectoryReply {
    private final int room;
    final CompletableFuture<Boolean> finished = new CompletableFuture<>();
    final List<String> names = new ArrayList<>();
    final List<Long> numbers = new ArrayList<>();
    long cookie;
    boolean withAttributes = true;

    Listed(int room, long cookie) {
      this.room = room;
      this.cookie = cookie;
    }

    @Override
    public boolean add(
        byte[] name,
        long inode,
        FileType type,
        long nextCookie,
        @Nullable FileAttributes attributes) {
      if (names.size() == room) {
        return false;
      }
      names.add(new String(name, StandardCharsets.UTF_8));
      numbers.add(inode);
      withAttributes &= attributes != null || names.getLast().startsWith(".");
      cookie = nextCookie;
      return true;
    }

    @Override
    public void done() {
      finished.complete(true);
    }

    @Override
    public void error(FsError error) {
      finished.completeExceptionally(new AssertionError(error));
    }
  }

  @Test
  void listsEverythingOnceWhateverFitsIntoAReply() throws Exception {
    Set<String> made = new TreeSet<>(Set.of(".", ".."));
    var mkdir = new Answer();
    fs.make(new TestRequest(), ROOT, name("d"), NewInode.directory(0755, OWNER), mkdir);
    long inode = mkdir.attributes().id().value();
    for (int i = 0; i < 300; i++) {
      var node = new Answer();
      FileType type = i % 2 == 0 ? FileType.REGULAR : FileType.FIFO;
      NewInode newInode = NewInode.node(type, 0600, OWNER, 0);
      fs.make(new TestRequest(), inode, name("f" + i), newInode, node);
      assertThat(node.get()).isInstanceOf(FileAttributes.class);
      made.add("f" + i);
    }
    for (int room : new int[] {1, 7, 1000}) {
      List<String> names = new ArrayList<>();
      long cookie = 0;
      while (true) {
        var listed = new Listed(room, cookie);
        fs.readDirectory(new TestRequest(), inode, cookie, room > 1, listed);
        assertThat(listed.finished.get(60, TimeUnit.SECONDS)).isTrue();
        if (cookie == 0 && room > 1) {
          assertThat(listed.numbers.subList(0, 2)).containsExactly(inode, ROOT);
        }
        assertThat(room == 1 || listed.withAttributes).isTrue();
        if (listed.names.isEmpty()) {
          break;
        }
        names.addAll(listed.names);
        cookie = listed.cookie;
      }
      assertThat(names).doesNotHaveDuplicates();
      assertThat(new TreeSet<>(names)).isEqualTo(made);
    }
  }

  @Test
  void anInterruptedRequestIsAnsweredAtOnce() throws Exception {
    Answer created = create("file", 0);
    long inode = created.attributes().id().value();
    cluster.close();
    var request = new TestRequest();
    var answer = new Answer();
    fs.getAttributes(request, inode, -1, answer);
    var write = new Answer();
    var writing = new TestRequest();
    ByteBuf data = Unpooled.copiedBuffer("bytes", StandardCharsets.UTF_8);
    fs.write(writing, inode, created.handle, 0, data, write);
    long before = System.nanoTime();
    request.interrupt();
    writing.interrupt();
    assertThat(answer.get()).isEqualTo(FsError.INTERRUPTED);
    assertThat(write.get()).isEqualTo(FsError.INTERRUPTED);
    assertThat(System.nanoTime() - before).isLessThan(TimeUnit.SECONDS.toNanos(10));
    Waiting.until(
        "the data's release", Duration.ofSeconds(10), 1_000_000, () -> data.refCnt() == 0);
  }

  /** Remembers what it was asked, and refuses to remove. */
  private static final class RememberedSwitches implements SwitchAttributes {
    private final List<String> asked = new ArrayList<>();

    @Override
    public CompletableFuture<Void> set(
        int user, InodeId inode, String key, byte[] value, AttributeSetMode mode) {
      asked.add("%d %s %s=%s %s".formatted(user, inode, key, new String(value, UTF_8), mode));
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public CompletableFuture<byte[]> get(InodeId inode, String key) {
      return CompletableFuture.completedFuture((key + " of " + inode).getBytes(UTF_8));
    }

    @Override
    public CompletableFuture<Void> remove(int user, InodeId inode, String key) {
      return CompletableFuture.failedFuture(new FsException(FsError.NOT_PERMITTED, "not you"));
    }
  }

  private Object setAttribute(String name, String value, int flags) {
    var answer = new Answer();
    fs.setExtendedAttribute(
        new TestRequest(), ROOT, name.getBytes(UTF_8), value.getBytes(UTF_8), flags, answer);
    return answer.get();
  }

  private Object attribute(String name) {
    var answer = new Answer();
    fs.getExtendedAttribute(new TestRequest(), ROOT, name.getBytes(UTF_8), answer);
    return answer.get();
  }

  private Object removeAttribute(String name) {
    var answer = new Answer();
    fs.removeExtendedAttribute(new TestRequest(), ROOT, name.getBytes(UTF_8), answer);
    return answer.get();
  }

  @Test
  void attributesWithNamesOfSwitchesAreKeptNowhere() throws Exception {
    assertThat(setAttribute("user.adhocfs.fsync", "disk", 0)).isEqualTo(FsError.NOT_SUPPORTED);
    assertThat(attribute("user.adhocfs.fsync")).isEqualTo(FsError.NO_ATTRIBUTE);
    assertThat(removeAttribute("user.adhocfs.fsync")).isEqualTo(FsError.NO_ATTRIBUTE);

    var switches = new RememberedSwitches();
    fs = new ClientFileSystem(client, new Callers(client, Job.NONE), true, switches);
    assertThat(setAttribute("user.adhocfs.fsync", "disk", 0)).isEqualTo(true);
    assertThat(setAttribute("user.adhocfs.fsync", "none", 1)).isEqualTo(true);
    assertThat(setAttribute("user.adhocfs.fsync", "none", 3)).isEqualTo(FsError.INVALID);
    assertThat(setAttribute("user.adhocfs", "none", 0)).isEqualTo(true);
    assertThat(switches.asked).containsExactly("1000 1 fsync=disk SET", "1000 1 fsync=none CREATE");
    assertThat(attribute("user.adhocfs.fsync")).isEqualTo("fsync of 1");
    assertThat(removeAttribute("user.adhocfs.fsync")).isEqualTo(FsError.NOT_PERMITTED);
    // The library would keep one: nothing that copies attributes sees it.
    client.setExtendedAttribute(
        AdhocPath.ROOT, "user.adhocfs.fsync".getBytes(UTF_8), new byte[1], AttributeSetMode.SET);
    var names = new Answer();
    fs.listExtendedAttributes(new TestRequest(), ROOT, names);
    assertThat(names.get()).isEqualTo("user.adhocfs\0");
  }
}
