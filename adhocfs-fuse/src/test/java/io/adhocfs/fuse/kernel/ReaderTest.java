package io.adhocfs.fuse.kernel;

import static io.adhocfs.fuse.kernel.Protocol.U32;
import static io.adhocfs.fuse.kernel.Protocol.U64;
import static io.adhocfs.fuse.kernel.Protocol.U8;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.fuse.Errnos;
import io.adhocfs.fuse.InodeFileSystem;
import io.adhocfs.fuse.kernel.Protocol.InHeader;
import io.adhocfs.fuse.kernel.Protocol.OutHeader;
import io.adhocfs.fuse.memory.MemoryFileSystem;
import io.adhocfs.protocol.linux.FileCalls;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A reader that is fed by hand, over a socket in place of /dev/fuse: what no kernel would send. */
class ReaderTest {
  private static final int AF_UNIX = 1;
  private static final int SOCK_SEQPACKET = 5;
  private static final int IO_LENGTH_BYTES_MAX = 64 << 10;
  private static final long[] COOKIES = {100, 200, 200};
  private static final long ROOT = Protocol.ROOT_NODE;

  private final Arena arena = Arena.ofShared();
  private final AtomicReference<InodeFileSystem.Reply> kept = new AtomicReference<>();
  private final CountDownLatch lookupArrived = new CountDownLatch(1);
  private final MemorySegment received = arena.allocate(2 << 20, 8);
  private int kernelEnd;
  private Session session;
  private Thread thread;

  /** Answers nothing to lookups of "kept", and lists three entries of which two share a cookie. */
  private final class Odd extends MemoryFileSystem {
    Odd() {
      super(1 << 20, 0, 0, 0, InstantSource.system());
    }

    @Override
    public void lookup(Request request, long directory, EntryName name, AttributesReply reply) {
      if (name.toString().equals("kept")) {
        kept.set(reply);
        request.onInterrupt(() -> reply.error(FsError.INTERRUPTED));
        lookupArrived.countDown();
      } else {
        super.lookup(request, directory, name, reply);
      }
    }

    @Override
    public void readDirectory(
        Request request, long inode, long cookie, boolean withAttributes, DirectoryReply reply) {
      byte[] name = new byte[40];
      Arrays.fill(name, (byte) 'n');
      for (int i = 0; i < COOKIES.length; i++) {
        if (!reply.add(name, 2 + i, FileType.REGULAR, COOKIES[i], null)) {
          break;
        }
      }
      reply.done();
    }
  }

  @BeforeEach
  void connect() {
    MemorySegment ends = arena.allocate(8, 4);
    assertThat(LinuxCalls.socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends)).isZero();
    kernelEnd = ends.get(U32, 0);
    int ourEnd = ends.get(U32, 4);
    session = new Session(new Odd(), IO_LENGTH_BYTES_MAX, 0, new int[] {ourEnd}, 1);
    thread = new Thread(new Reader(session, ourEnd), "fuse-reader-under-test");
    thread.setDaemon(true);
    thread.start();
  }

  @AfterEach
  void disconnect() throws Exception {
    FileCalls.close(kernelEnd);
    thread.join(10_000);
    assertThat(session.hasEnded()).isTrue();
    arena.close();
  }

  @Test
  void refusesBodiesThatAreTooShort() {
    for (Opcode opcode :
        new Opcode[] {
          Opcode.GETATTR, Opcode.SETATTR, Opcode.READ, Opcode.WRITE, Opcode.OPEN, Opcode.CREATE,
          Opcode.MKDIR, Opcode.MKNOD, Opcode.RENAME, Opcode.RENAME2, Opcode.LINK, Opcode.READDIR,
          Opcode.RELEASE, Opcode.FSYNC, Opcode.LOOKUP, Opcode.UNLINK, Opcode.SYMLINK
        }) {
      assertThat(errorOf(opcode.code(), new byte[4]))
          .as(opcode.name())
          .isIn(-Errnos.EINVAL, -Errnos.ENOENT);
    }
  }

  @Test
  void refusesNamesWithoutAnEnd() {
    assertThat(errorOf(Opcode.LOOKUP.code(), "endless".getBytes(StandardCharsets.UTF_8)))
        .isEqualTo(-Errnos.EINVAL);
    assertThat(
            errorOf(
                Opcode.LOOKUP.code(), ("n".repeat(256) + "\0").getBytes(StandardCharsets.UTF_8)))
        .isEqualTo(-Errnos.ENAMETOOLONG);
  }

  @Test
  void doesNotKnowEveryRequest() {
    assertThat(errorOf(63, new byte[0])).isEqualTo(-Errnos.ENOSYS);
    assertThat(errorOf(-1, new byte[0])).isEqualTo(-Errnos.ENOSYS);
    assertThat(errorOf(Opcode.IOCTL.code(), new byte[0])).isEqualTo(-Errnos.ENOSYS);
  }

  @Test
  void survivesNoise() {
    Random random = new Random(20261121);
    for (int i = 0; i < 2_000; i++) {
      byte[] body = new byte[random.nextInt(300)];
      random.nextBytes(body);
      int code = random.nextInt(56);
      if (code != Opcode.FORGET.code()
          && code != Opcode.BATCH_FORGET.code()
          && code != Opcode.INTERRUPT.code()) {
        exchange(code, 1000 + i, body);
      }
    }
    assertThat(errorOf(Opcode.LOOKUP.code(), "none\0".getBytes(StandardCharsets.UTF_8)))
        .isEqualTo(-Errnos.ENOENT);
  }

  @Test
  void anInterruptedRequestIsAnsweredOnce() throws Exception {
    send(Opcode.LOOKUP.code(), 42, "kept\0".getBytes(StandardCharsets.UTF_8));
    assertThat(lookupArrived.await(10, TimeUnit.SECONDS)).isTrue();
    byte[] unique = {42, 0, 0, 0, 0, 0, 0, 0};
    send(Opcode.INTERRUPT.code(), 43, unique);
    MemorySegment reply = receive();
    assertThat(reply.get(U64, OutHeader.UNIQUE)).isEqualTo(42);
    assertThat(reply.get(U32, OutHeader.ERROR)).isEqualTo(-Errnos.EINTR);

    kept.get().error(FsError.NOT_FOUND);
    assertThat(errorOf(Opcode.LOOKUP.code(), "none\0".getBytes(StandardCharsets.UTF_8)))
        .isEqualTo(-Errnos.ENOENT);
  }

  @Test
  void anInterruptionOfAnUnknownRequestIsSentBack() {
    MemorySegment reply =
        exchange(Opcode.INTERRUPT.code(), 43, new byte[] {42, 0, 0, 0, 0, 0, 0, 0});
    assertThat(reply.get(U64, OutHeader.UNIQUE)).isEqualTo(43);
    assertThat(reply.get(U32, OutHeader.ERROR)).isEqualTo(-Errnos.EAGAIN);
  }

  @Test
  void entriesOfOneCookieAreNotSeparated() {
    int entry = Protocol.Dirent.sizeBytes(40);
    assertThat(listingLength(3 * entry)).isEqualTo(3 * entry);
    assertThat(listingLength(3 * entry - 1)).isEqualTo(entry);
    assertThat(listingLength(2 * entry)).isEqualTo(entry);
  }

  private int listingLength(int lengthMax) {
    MemorySegment body = arena.allocate(Protocol.ReadIn.SIZE, 8);
    body.set(U32, Protocol.ReadIn.LENGTH, lengthMax);
    MemorySegment reply = exchange(Opcode.READDIR.code(), 7, body.toArray(U8));
    return reply.get(U32, OutHeader.LENGTH) - OutHeader.SIZE;
  }

  private int errorOf(int opcode, byte[] body) {
    return exchange(opcode, 99, body).get(U32, OutHeader.ERROR);
  }

  private MemorySegment exchange(int opcode, long unique, byte[] body) {
    send(opcode, unique, body);
    MemorySegment reply = receive();
    assertThat(reply.get(U64, OutHeader.UNIQUE)).isEqualTo(unique);
    return reply;
  }

  private void send(int opcode, long unique, byte[] body) {
    MemorySegment request = arena.allocate(InHeader.SIZE + (long) body.length, 8);
    request.set(U32, InHeader.LENGTH, (int) request.byteSize());
    request.set(U32, InHeader.OPCODE, opcode);
    request.set(U64, InHeader.UNIQUE, unique);
    request.set(U64, InHeader.NODE, ROOT);
    MemorySegment.copy(body, 0, request, U8, InHeader.SIZE, body.length);
    assertThat(LinuxCalls.write(kernelEnd, request, request.byteSize()))
        .isEqualTo(request.byteSize());
  }

  private MemorySegment receive() {
    long length = LinuxCalls.read(kernelEnd, received, received.byteSize());
    assertThat(length).isEqualTo(received.get(U32, OutHeader.LENGTH));
    return received;
  }
}
