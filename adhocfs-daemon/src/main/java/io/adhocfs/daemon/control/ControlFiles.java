package io.adhocfs.daemon.control;

import io.adhocfs.daemon.storage.ChecksummedFile;
import io.adhocfs.daemon.storage.SmallFile;
import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.wire.ControlValues;
import io.adhocfs.protocol.wire.WireReader;
import io.adhocfs.protocol.wire.WireWriter;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a daemon keeps of the control plane beside the replicated log: the newest state it has heard
 * of, and the moves that it has proposed and does not know the outcome of. Blocks on the disk; one
 * thread at a time.
 */
public final class ControlFiles {
  private static final int STATE_MAGIC = 0xAD0CF5C1;
  private static final int MOVES_MAGIC = 0xAD0CF5C2;
  private static final int VERSION = 1;
  private static final int COMMAND_BYTES_MIN = 9;

  private final ChecksummedFile stateFile;
  private final ChecksummedFile movesFile;
  private final Set<ControlCommand.Move> undecided = new LinkedHashSet<>();

  /** Written by the one thread, read by any. */
  private volatile @Nullable ControlState written;

  private ControlFiles(SmallFile state, SmallFile moves) {
    stateFile = new ChecksummedFile(state, "control state file", STATE_MAGIC, VERSION);
    movesFile = new ChecksummedFile(moves, "file of undecided moves", MOVES_MAGIC, VERSION);
  }

  /**
   * Reads what is there.
   *
   * @param directory is made if it is not there
   * @throws FsException CORRUPT, NOT_SUPPORTED, STORAGE_FAILED
   */
  public static ControlFiles open(Path directory) throws FsException {
    try {
      Files.createDirectories(directory);
    } catch (IOException e) {
      throw new FsException(FsError.STORAGE_FAILED, "cannot make " + directory + ": " + e, e);
    }
    return open(SmallFile.at(directory.resolve("state")), SmallFile.at(directory.resolve("moves")));
  }

  /**
   * Reads what is there.
   *
   * @throws FsException CORRUPT, NOT_SUPPORTED, STORAGE_FAILED
   */
  public static ControlFiles open(SmallFile state, SmallFile moves) throws FsException {
    var files = new ControlFiles(state, moves);
    files.read();
    return files;
  }

  private void read() throws FsException {
    byte[] state = stateFile.read();
    if (state != null) {
      try {
        written = ControlValues.state(state);
      } catch (FsException e) {
        throw stateFile.corrupt(String.valueOf(e.getMessage()));
      }
    }
    byte[] moves = movesFile.read();
    if (moves != null) {
      var in = new WireReader(Unpooled.wrappedBuffer(moves));
      try {
        for (int left = in.count(COMMAND_BYTES_MIN); left > 0; left--) {
          if (ControlValues.readCommand(in) instanceof ControlCommand.Move move) {
            undecided.add(move);
          } else {
            throw movesFile.corrupt("it holds a command that is no move");
          }
        }
        in.end();
      } catch (IllegalArgumentException e) {
        throw movesFile.corrupt(String.valueOf(e.getMessage()));
      } catch (FsException e) {
        throw e.error() == FsError.BAD_MESSAGE
            ? movesFile.corrupt(String.valueOf(e.getMessage()))
            : e;
      }
    }
  }

  /** The state that was kept, or null. */
  @Nullable ControlState state() {
    return written;
  }

  /** The moves whose outcome is not known. */
  List<ControlCommand.Move> undecided() {
    return List.copyOf(undecided);
  }

  /** Keeps a state, unless it is not newer than the one kept. */
  void keep(ControlState state) throws FsException {
    ControlState before = written;
    if (before == null || state.version() > before.version()) {
      stateFile.write(ControlValues.bytes(state));
      written = state;
    }
  }

  /** Remembers that a move is about to be proposed. */
  void proposing(ControlCommand.Move move) throws FsException {
    if (undecided.add(move)) {
      try {
        writeMoves();
      } catch (FsException e) {
        undecided.remove(move);
        throw e;
      }
    }
  }

  /** Forgets moves whose outcome is known, and kept. */
  void forget(Collection<ControlCommand.Move> decided) throws FsException {
    if (undecided.removeAll(decided)) {
      writeMoves();
    }
  }

  private void writeMoves() throws FsException {
    ByteBuf out = Unpooled.buffer();
    var writer = new WireWriter(out);
    writer.intValue(undecided.size());
    undecided.forEach(move -> ControlValues.writeCommand(writer, move));
    var bytes = new byte[out.readableBytes()];
    out.readBytes(bytes);
    movesFile.write(bytes);
  }
}
