package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.RawPath;
import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.protocol.model.FsException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import picocli.CommandLine;
import picocli.CommandLine.Parameters;

/** Writes files to standard output. */
@CommandLine.Command(
    name = "cat",
    description = "Writes files of an instance to standard output, without a mount.",
    footer = {
      "",
      "Example:",
      "  adhocfs cat adhoc:/logs/run.log | grep WARN",
      "",
      "Exit codes: 0 written; 1 a file could not be read; 2 wrong use, no such instance."
    })
public final class CatCommand extends FileSystemCommand {
  private static final int PIECE_BYTES = 1 << 20;
  private static final int PIECES_AHEAD = 4;

  @Parameters(paramLabel = "FILE", arity = "1..*", description = "Files such as adhoc:/dir/file.")
  private List<RawPath> paths = new ArrayList<>();

  public CatCommand(Surroundings surroundings) {
    super(surroundings);
  }

  private record Piece(ByteBuffer buffer, CompletableFuture<Integer> length) {}

  @Override
  public int run() throws UsageException, IOException {
    return onInstance(fileSystem -> {
      int exitCode = ExitCode.OK;
      for (RawPath raw : paths) {
        try {
          write(fileSystem, raw);
        } catch (FsException e) {
          exitCode = failed("cat", raw, e);
        }
        if (output().abandoned()) {
          break;
        }
      }
      return exitCode;
    });
  }

  private void write(AdhocFileSystem fileSystem, RawPath raw) throws FsException {
    try (OpenFile file = fileSystem.open(path(raw), OpenOptions.READ)) {
      Deque<Piece> underWay = new ArrayDeque<>();
      long offset = 0;
      while (!output().abandoned()) {
        while (underWay.size() < PIECES_AHEAD) {
          ByteBuffer buffer = ByteBuffer.allocate(PIECE_BYTES);
          underWay.add(new Piece(buffer, file.readAsync(offset, buffer)));
          offset += PIECE_BYTES;
        }
        Piece piece = underWay.remove();
        int length = await(piece.length());
        output().bytes(piece.buffer().array(), 0, length);
        if (length < PIECE_BYTES) {
          return;
        }
      }
    }
  }

  private static int await(CompletableFuture<Integer> future) throws FsException {
    try {
      return future.get();
    } catch (ExecutionException e) {
      throw FsException.of(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
