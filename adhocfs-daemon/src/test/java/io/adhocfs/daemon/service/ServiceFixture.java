package io.adhocfs.daemon.service;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.daemon.simulation.Inspection;
import io.adhocfs.daemon.simulation.SimulatedDaemon;
import io.adhocfs.daemon.simulation.SimulatedInstance;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.Placement;
import io.adhocfs.protocol.settings.Settings;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.DataRequest;
import io.adhocfs.protocol.wire.MessageType;
import io.adhocfs.protocol.wire.Reply;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;

/** An instance of whole daemons in simulated time, and a client that sends requests to them. */
abstract class ServiceFixture {
  static final InodeId ROOT = InodeId.ROOT;
  static final int CHUNK = 4096;
  static final long SECOND_NANOS = 1_000_000_000L;
  static final long DISK_BYTES = 64L << 20;

  final SimulatedInstance instance;
  final RequestClient client;
  final Inspection inspection;

  ServiceFixture(int daemons, Map<String, String> settings) throws FsException {
    this(1, daemons, settings);
  }

  ServiceFixture(long seed, int daemons, Map<String, String> settings) throws FsException {
    instance =
        new SimulatedInstance(
            new SplittableRandom(seed), daemons, new Settings(settings), DISK_BYTES);
    instance.awaitServing();
    client = new RequestClient(instance);
    inspection = new Inspection(instance);
  }

  @AfterEach
  final void stop() {
    instance.close();
  }

  interface Call {
    void run() throws FsException;
  }

  static FsError errorOf(Call call) {
    try {
      call.run();
    } catch (FsException e) {
      return e.error();
    }
    throw new AssertionError("no error");
  }

  void pass(long nanos) {
    instance.time().pass(nanos);
  }

  /** A directory of the root at a node that is not the root's. */
  InodeId directoryElsewhere(String prefix) throws FsException {
    for (int i = 0; ; i++) {
      EntryName name = EntryName.ofText(prefix + i);
      if (!instance
          .owner(Placement.newDirectorySlot(ROOT, name).value())
          .equals(instance.owner(0))) {
        return client.makeDirectory(ROOT, prefix + i);
      }
    }
  }

  String nameOf(InodeId inode) {
    return inspection.entries().stream()
        .filter(entry -> entry.inode().equals(inode))
        .map(entry -> entry.name().toString())
        .findAny()
        .orElseThrow();
  }

  SimulatedDaemon chunkOwner(FileAttributes file, long index) {
    return instance.owner(Placement.chunkSlot(file.layout(), index).value());
  }

  /** What becomes of a write to a chunk that knows no more than these attributes. */
  byte writeChunk(FileAttributes file, long index, int length) throws FsException {
    var request =
        new DataRequest.WriteChunks(
            file.id(),
            file.layout(),
            file.dataGeneration(),
            List.of(new ChunkSpan(index, 0, length)));
    var data = new byte[length];
    Arrays.fill(data, (byte) (index + 1));
    Response written =
        client.await(
            client.once(chunkOwner(file, index), request, Unpooled.wrappedBuffer(data)), request);
    written.payload().release();
    return ((Reply.Spans) written.reply()).outcomes()[0];
  }

  /** A file with so many whole chunks. */
  FileAttributes chunkedFile(String name, int chunks) throws FsException {
    FileAttributes file = client.leaveInline(client.create(ROOT, name));
    for (int i = 0; i < chunks; i++) {
      assertThat(writeChunk(file, i, CHUNK)).isEqualTo(Reply.Spans.OUTCOME_OK);
    }
    return chunks == 0
        ? file
        : client.reportWrite(file.id(), file.dataGeneration(), (long) chunks * CHUNK);
  }

  /** The bytes of a chunk up to the last that is not zero. */
  byte[] chunk(FileAttributes file, long index) throws FsException {
    var request =
        new DataRequest.ReadChunks(
            file.id(),
            file.layout(),
            file.dataGeneration(),
            List.of(new ChunkSpan(index, 0, CHUNK)));
    Response read =
        client.await(client.once(chunkOwner(file, index), request, Unpooled.EMPTY_BUFFER), request);
    byte[] bytes = ByteBufUtil.getBytes(read.payload());
    read.payload().release();
    int end = bytes.length;
    while (end > 0 && bytes[end - 1] == 0) {
      end--;
    }
    return Arrays.copyOf(bytes, end);
  }

  /** How many requests to drop bytes each daemon has done. */
  List<Integer> discards() {
    return instance.daemons().stream()
        .map(daemon -> daemon.answered(MessageType.DISCARD_CHUNKS))
        .toList();
  }

  /** How many each daemon has done since {@link #discards} was asked. */
  List<Integer> discardsSince(List<Integer> earlier) {
    List<Integer> now = discards();
    return IntStream.range(0, now.size()).map(i -> now.get(i) - earlier.get(i)).boxed().toList();
  }
}
