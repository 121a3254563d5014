package io.adhocfs.daemon.control.raft;

import io.adhocfs.daemon.control.VoterLog;
import io.adhocfs.daemon.control.VoterLogs;
import io.adhocfs.daemon.threads.Threads;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The library's logs below one directory, each configuration's in a directory of its own. */
public final class RaftLogs implements VoterLogs {
  private static final long REHEARSAL_NANOS_MAX = TimeUnit.SECONDS.toNanos(5);

  private final Threads threads;
  private final Path directory;
  private final Path scratch;
  private final NodeId self;
  private final String instanceId;

  /**
   * Touches nothing yet.
   *
   * @param controlDirectory in which the logs have a directory, which need not be there
   * @param instanceId 32 hexadecimal digits
   */
  public RaftLogs(Threads threads, Path controlDirectory, NodeId self, String instanceId) {
    this.threads = threads;
    this.directory = controlDirectory.resolve("log");
    this.scratch = controlDirectory.resolve("rehearsal");
    this.self = self;
    this.instanceId = instanceId;
  }

  @Override
  public boolean anyKept() {
    return Files.exists(directory);
  }

  @Override
  public VoterLog start(
      int configuration, List<NodeId> voters, VoterLog.Entries entries, VoterLog.Peers peers)
      throws FsException {
    return RaftVoter.start(
        threads, directory, self, instanceId, configuration, voters, entries, peers);
  }

  /**
   * Runs a log of its own for a moment: the library takes seconds in a process that has not used it
   * yet, and nothing is agreed on while new voters start.
   */
  @Override
  public void rehearse(byte[] entry) throws FsException {
    try {
      delete(scratch);
      RaftVoter alone =
          RaftVoter.start(
              threads,
              scratch,
              self,
              "rehearsal",
              0,
              List.of(self),
              new Forgotten(),
              (_, _, _, _) -> CompletableFuture.failedFuture(new IOException("a rehearsal")));
      try {
        long began = threads.nanoTime();
        while (!alone.leads() && threads.nanoTime() - began < REHEARSAL_NANOS_MAX) {
          LockSupport.parkNanos(5_000_000);
        }
        var _ =
            alone
                .append(entry)
                .completeOnTimeout(
                    new VoterLog.Appended.Elsewhere(-1, ""),
                    REHEARSAL_NANOS_MAX,
                    TimeUnit.NANOSECONDS)
                .join();
      } finally {
        alone.close();
      }
      delete(scratch);
    } catch (IOException e) {
      throw new FsException(FsError.STORAGE_FAILED, "a log in " + scratch + ": " + e, e);
    }
  }

  /** What a rehearsal agrees on. */
  private static final class Forgotten implements VoterLog.Entries {
    @Override
    public byte[] apply(byte[] entry) {
      return new byte[0];
    }

    @Override
    public byte[] snapshot() {
      return new byte[0];
    }

    @Override
    public void restore(byte[] snapshot) {}
  }

  @Override
  public void deleteBefore(int configuration) throws IOException {
    if (!Files.exists(directory)) {
      return;
    }
    try (Stream<Path> logs = Files.list(directory)) {
      for (Path log : logs.toList()) {
        String name = log.getFileName().toString();
        if (name.matches("\\d{1,9}") && Integer.parseInt(name) < configuration) {
          delete(log);
        }
      }
    }
  }

  static void delete(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return;
    }
    Files.walkFileTree(
        directory,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path visited, @Nullable IOException e)
              throws IOException {
            if (e != null) {
              throw e;
            }
            Files.deleteIfExists(visited);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
