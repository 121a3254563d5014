package io.adhocfs.it.bench;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.ClientOptions;
import io.adhocfs.client.InodeOperations;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.ThisProcess;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.Owner;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.io.IOException;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * What {@code scripts/bench-driver.c} does through system calls, done through the client's API,
 * with so many operations in flight. Prints one line for each figure: its name, a blank, the rate.
 */
public final class NativeBench {
  private static final String USAGE =
      "usage: NativeBench INSTANCE [in-flight [files [MiB [seconds]]]]";
  private static final int SMALL_FILE_BYTES = 3901;
  private static final int STREAM_BYTES = 1 << 20;
  private static final int BLOCK_BYTES = 4096;
  private static final AdhocPath DIRECTORY;

  static {
    try {
      DIRECTORY = AdhocPath.ofText("/native-bench");
    } catch (FsException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final InodeOperations inodes;
  private final InodeId directory;
  private final Owner owner;
  private final int inFlight;
  private final long nanosMax;
  private final Consumer<String> output;

  private NativeBench(
      InodeOperations inodes,
      InodeId directory,
      Owner owner,
      int inFlight,
      long nanosMax,
      Consumer<String> output) {
    this.inodes = inodes;
    this.directory = directory;
    this.owner = owner;
    this.inFlight = inFlight;
    this.nanosMax = nanosMax;
    this.output = output;
  }

  public static void main(String[] arguments) throws IOException {
    if (arguments.length < 1 || arguments.length > 5) {
      System.err.println(USAGE);
      System.exit(2);
    }
    int inFlight = (int) argument(arguments, 1, 1);
    long files = argument(arguments, 2, 10_000);
    long streamMebibytes = argument(arguments, 3, 512);
    long seconds = argument(arguments, 4, 5);
    var instances = InstanceDirectory.of(System.getenv());
    try (var fileSystem =
        AdhocFileSystem.open(
            () -> instances.read(arguments[0]).instance(), ClientOptions.DEFAULT)) {
      InodeId directory = fileSystem.createDirectory(DIRECTORY, 0755).id();
      Owner owner = ThisProcess.owner();
      // What runs often is compiled first; a program that has run for a while is what counts.
      new NativeBench(fileSystem.inodes(), directory, owner, inFlight, 2_000_000_000L, _ -> {})
          .run(files, Math.min(streamMebibytes, 64));
      new NativeBench(
              fileSystem.inodes(),
              directory,
              owner,
              inFlight,
              seconds * 1_000_000_000L,
              System.out::println)
          .run(files, streamMebibytes);
      fileSystem.removeRecursively(DIRECTORY);
    }
  }

  private static long argument(String[] arguments, int index, long otherwise) {
    return index < arguments.length ? Long.parseLong(arguments[index]) : otherwise;
  }

  private void run(long files, long streamMebibytes) throws IOException {
    emptyFiles(files);
    smallFiles(files);
    streamsAndBlocks(streamMebibytes);
    inodes.unlink(directory, name("stream")).join();
  }

  private void emptyFiles(long files) throws IOException {
    long made = phase("create", files, nanosMax, i -> create("empty" + i).thenCompose(this::close));
    phase("stat", made, nanosMax, i -> inodes.lookup(directory, name("empty" + i)));
    phase("remove", made, Long.MAX_VALUE, i -> inodes.unlink(directory, name("empty" + i)));
  }

  private void smallFiles(long files) throws IOException {
    ByteBuf content = PooledByteBufAllocator.DEFAULT.directBuffer(SMALL_FILE_BYTES);
    content.writeZero(SMALL_FILE_BYTES);
    long made =
        phase(
            "small_write",
            files,
            nanosMax,
            i ->
                create("small" + i)
                    .thenCompose(file ->
                        file.writeBuffer(0, content.retainedDuplicate())
                            .thenCompose(_ -> file.closeAsync())));
    phase("small_read", made, nanosMax, i -> readSmall(name("small" + i)));
    content.release();
    run(made, Long.MAX_VALUE, i -> inodes.unlink(directory, name("small" + i)));
  }

  private CompletableFuture<Void> readSmall(EntryName name) {
    return inodes
        .lookup(directory, name)
        .thenCompose(attributes -> inodes.open(attributes.id(), true, false))
        .thenCompose(file ->
            file.readBuffer(0, BLOCK_BYTES, file.lastKnownAttributes())
                .thenCompose(data -> {
                  int length = data.readableBytes();
                  data.release();
                  if (length != SMALL_FILE_BYTES) {
                    throw new IllegalStateException(name + " has " + length + " bytes");
                  }
                  return file.closeAsync();
                }));
  }

  private void streamsAndBlocks(long mebibytes) throws IOException {
    ByteBuf content = PooledByteBufAllocator.DEFAULT.directBuffer(STREAM_BYTES);
    for (int i = 0; i < STREAM_BYTES; i++) {
      content.writeByte(i * 31 + i / BLOCK_BYTES);
    }
    ByteBuf block = content.slice(0, BLOCK_BYTES);
    try (OpenFile file = create("stream").join()) {
      long written =
          phase(
              "stream_write",
              mebibytes,
              nanosMax,
              i -> file.writeBuffer(i * STREAM_BYTES, content.retainedDuplicate()));
      phase("stream_read", written, nanosMax, i -> read(file, i * STREAM_BYTES, STREAM_BYTES));
      long blocks = written * (STREAM_BYTES / BLOCK_BYTES);
      phase(
          "random_write",
          blocks,
          nanosMax,
          i -> file.writeBuffer(scattered(i, blocks), block.retainedDuplicate()));
      phase("random_read", blocks, nanosMax, i -> read(file, scattered(i, blocks), BLOCK_BYTES));
    }
    content.release();
  }

  /** A prime step visits each of fewer blocks once, in an order that no read-ahead foresees. */
  private static long scattered(long i, long blocks) {
    return Long.remainderUnsigned(i * 1_000_003 + 7919, blocks) * BLOCK_BYTES;
  }

  private static CompletableFuture<Void> read(OpenFile file, long offset, int lengthBytes) {
    return file.readBuffer(offset, lengthBytes, null)
        .thenAccept(data -> {
          int length = data.readableBytes();
          data.release();
          if (length != lengthBytes) {
            throw new IllegalStateException(length + " bytes at " + offset);
          }
        });
  }

  private CompletableFuture<OpenFile> create(String name) {
    return inodes
        .createAndOpen(directory, name(name), NewInode.regularFile(0644, owner), true)
        .thenApply(created -> created.file());
  }

  private CompletableFuture<Void> close(OpenFile file) {
    return file.closeAsync();
  }

  private static EntryName name(String text) {
    try {
      return EntryName.ofText(text);
    } catch (FsException e) {
      throw new IllegalArgumentException(text, e);
    }
  }

  private long phase(String figure, long count, long nanos, LongFunction<CompletableFuture<?>> call)
      throws IOException {
    long start = System.nanoTime();
    long done = run(count, nanos, call);
    double seconds = (System.nanoTime() - start) / 1e9;
    output.accept(String.format(Locale.ROOT, "%s %.1f", figure, done / seconds));
    return done;
  }

  /** Keeps so many calls in flight until all are made or time is up; returns how many were made. */
  private long run(long count, long nanos, LongFunction<CompletableFuture<?>> call)
      throws IOException {
    var permits = new Semaphore(inFlight);
    var failure = new AtomicReference<@Nullable Throwable>();
    long start = System.nanoTime();
    long made = 0;
    while (made < count && System.nanoTime() - start < nanos && failure.get() == null) {
      permits.acquireUninterruptibly();
      var _ =
          call.apply(made)
              .whenComplete((_, problem) -> {
                if (problem != null) {
                  failure.compareAndSet(null, problem);
                }
                permits.release();
              });
      made++;
    }
    permits.acquireUninterruptibly(inFlight);
    Throwable problem = failure.get();
    if (problem != null) {
      throw new IOException(problem);
    }
    return made;
  }
}
