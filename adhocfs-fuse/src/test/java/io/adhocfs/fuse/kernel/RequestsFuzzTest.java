package io.adhocfs.fuse.kernel;

import static io.adhocfs.fuse.kernel.Protocol.U32;
import static io.adhocfs.fuse.kernel.Protocol.U64;
import static io.adhocfs.fuse.kernel.Protocol.U8;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.fuse.kernel.Protocol.InHeader;
import io.adhocfs.fuse.kernel.Protocol.OutHeader;
import io.adhocfs.fuse.memory.MemoryFileSystem;
import io.adhocfs.protocol.fuzz.Fuzz;
import io.adhocfs.protocol.fuzz.Mutation;
import io.adhocfs.protocol.linux.FileCalls;
import io.adhocfs.protocol.model.FsException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Requests that no kernel would send, decoded and carried out over a file system in memory. */
final class RequestsFuzzTest {
  private static final int INPUTS = 5_000;
  private static final int AF_UNIX = 1;
  private static final int SOCK_SEQPACKET_NONBLOCK = 5 | 04000;
  private static final int IO_LENGTH_BYTES_MAX = 64 << 10;
  private static final int BUFFER_BYTES = 256 << 10;
  private static final int BODY_BYTES_MAX = 300;
  private static final int FILE_SYSTEM_BYTES = 1 << 20;

  /** Inodes and handles that there are, and some that there are not. */
  private static final int NUMBERS = 6;

  private static final byte[][] NAMES = {
    "a\0".getBytes(StandardCharsets.US_ASCII),
    "b\0c\0".getBytes(StandardCharsets.US_ASCII),
    "user.x\0value".getBytes(StandardCharsets.US_ASCII),
    ".\0".getBytes(StandardCharsets.US_ASCII),
    "..\0".getBytes(StandardCharsets.US_ASCII)
  };

  private final Arena arena = Arena.ofShared();
  private final MemorySegment received = arena.allocate(2 << 20, 8);
  private NativeBuffer buffer = NativeBuffer.allocate(BUFFER_BYTES);
  private int kernelEnd;
  private int ourEnd;

  @BeforeEach
  void connect() {
    MemorySegment ends = arena.allocate(8, 4);
    assertThat(LinuxCalls.socketpair(AF_UNIX, SOCK_SEQPACKET_NONBLOCK, 0, ends)).isZero();
    kernelEnd = ends.get(U32, 0);
    ourEnd = ends.get(U32, 4);
  }

  @AfterEach
  void disconnect() {
    FileCalls.close(kernelEnd);
    FileCalls.close(ourEnd);
    buffer.release();
    arena.close();
  }

  /** A request of small numbers, with a name where names may be. */
  private static byte[] sample(Random random) {
    List<Opcode> opcodes = List.of(Opcode.values());
    Opcode opcode = opcodes.get(random.nextInt(opcodes.size()));
    ByteBuffer bytes =
        ByteBuffer.allocate(InHeader.SIZE + random.nextInt(BODY_BYTES_MAX))
            .order(ByteOrder.nativeOrder());
    for (int at = InHeader.SIZE; at + Integer.BYTES <= bytes.capacity(); at += Integer.BYTES) {
      bytes.putInt(at, random.nextInt(3) == 0 ? random.nextInt(NUMBERS) : 0);
    }
    byte[] name = NAMES[random.nextInt(NAMES.length)];
    int nameAt = InHeader.SIZE + 8 * random.nextInt(8);
    if (nameAt + name.length <= bytes.capacity()) {
      bytes.put(nameAt, name);
    }
    bytes.putInt(InHeader.OPCODE, opcode.code());
    bytes.putLong(InHeader.UNIQUE, 2 + random.nextInt(1000));
    bytes.putLong(InHeader.NODE, random.nextInt(NUMBERS));
    bytes.putInt(InHeader.PID, 1 + random.nextInt(3));
    return bytes.array();
  }

  private Fuzz.Case request(Random random) {
    byte[] sample = sample(random);
    byte[] bytes = Mutation.of(sample, random);
    if (random.nextInt(8) != 0 && bytes.length >= InHeader.SIZE) {
      // Of the length that it says, so that it is looked at.
      ByteBuffer.wrap(bytes)
          .order(ByteOrder.nativeOrder())
          .putInt(InHeader.LENGTH, bytes.length)
          .putShort(InHeader.EXTENSIONS_LENGTH, (short) random.nextInt(2));
    }
    return new Fuzz.Case("a request", bytes, this::handle);
  }

  private void handle(byte[] input) {
    var fileSystem = new MemoryFileSystem(FILE_SYSTEM_BYTES, 0, 0, 0, InstantSource.system());
    var session = new Session(fileSystem, IO_LENGTH_BYTES_MAX, 0, new int[] {ourEnd}, 1);
    var operations = new Operations(fileSystem);
    if (!buffer.isOursAlone()) {
      buffer.release();
      buffer = NativeBuffer.allocate(BUFFER_BYTES);
    }
    MemorySegment segment = buffer.segment();
    // What lies behind the request is of an older one, which must not be seen.
    segment.fill((byte) 'x');
    MemorySegment.copy(input, 0, segment, U8, 0, input.length);
    var incoming = new Incoming(session, ourEnd, buffer);
    if (!incoming.take(buffer, input.length)) {
      return;
    }
    Opcode opcode = Opcode.ofCode(incoming.opcode());
    if (opcode == null) {
      return;
    }
    int answersMax = opcode == Opcode.FORGET || opcode == Opcode.BATCH_FORGET ? 0 : 1;
    try {
      opcode.handle(operations, incoming);
    } catch (FsException refused) {
      // The reader answers.
      answersMax = 0;
    }
    assertThat(answers(incoming.unique())).isLessThanOrEqualTo(answersMax);
  }

  /** How often the request was answered. */
  private int answers(long unique) {
    int answers = 0;
    while (true) {
      long length = LinuxCalls.read(kernelEnd, received, received.byteSize());
      if (length <= 0) {
        return answers;
      }
      assertThat(length).isEqualTo(received.get(U32, OutHeader.LENGTH));
      if (received.get(U64, OutHeader.UNIQUE) == unique) {
        answers++;
      }
    }
  }

  @Test
  void operationsTakeOrRefuseWhateverComes() throws Exception {
    Fuzz.run("requests", INPUTS, this::request);
  }
}
