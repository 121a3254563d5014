package io.adhocfs.daemon.control;

import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.Outcome;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.wire.ControlValues;
import io.adhocfs.protocol.wire.WireReader;
import io.adhocfs.protocol.wire.WireWriter;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.InflaterInputStream;

/** What the replicated log holds, and what applying it answers, as bytes. */
sealed interface LogEntry {
  int FOUND = 0;
  int COMMAND = 1;

  /** A state inflates to no more than this. */
  int STATE_BYTES_MAX = 16 << 20;

  /**
   * The state that the log begins with: so that a voter which comes later needs nothing but the
   * log. Only the first one counts.
   */
  record Found(ControlState state) implements LogEntry {}

  record Command(ControlCommand command) implements LogEntry {}

  /**
   * What applying an entry came to.
   *
   * @param version of the state afterwards
   */
  record Result(Outcome outcome, long version) {
    byte[] bytes() {
      ByteBuf out = Unpooled.buffer();
      var writer = new WireWriter(out);
      ControlValues.writeOutcome(writer, outcome);
      writer.longValue(version);
      return taken(out);
    }

    /**
     * The result in bytes.
     *
     * @throws FsException BAD_MESSAGE
     */
    static Result of(byte[] bytes) throws FsException {
      var in = new WireReader(Unpooled.wrappedBuffer(bytes));
      try {
        var result = new Result(ControlValues.readOutcome(in), in.longValue());
        in.end();
        return result;
      } catch (IllegalArgumentException e) {
        throw new FsException(FsError.BAD_MESSAGE, "result: " + e.getMessage(), e);
      }
    }
  }

  /** As the log keeps it. */
  default byte[] bytes() {
    ByteBuf out = Unpooled.buffer();
    var writer = new WireWriter(out);
    switch (this) {
      case Found found -> {
        writer.byteValue(FOUND);
        // An entry is bounded, and the state of an instance that is new says the same thing often.
        writer.bytes(deflated(ControlValues.bytes(found.state())));
      }
      case Command said -> {
        writer.byteValue(COMMAND);
        ControlValues.writeCommand(writer, said.command());
      }
    }
    return taken(out);
  }

  /**
   * The entry in bytes.
   *
   * @throws FsException BAD_MESSAGE
   */
  static LogEntry of(byte[] bytes) throws FsException {
    var in = new WireReader(Unpooled.wrappedBuffer(bytes));
    try {
      int kind = in.byteValue();
      LogEntry entry =
          switch (kind) {
            case FOUND -> new Found(ControlValues.state(inflated(in.bytes())));
            case COMMAND -> new Command(ControlValues.readCommand(in));
            default -> throw new IllegalArgumentException("kind " + kind);
          };
      in.end();
      return entry;
    } catch (IllegalArgumentException e) {
      throw new FsException(FsError.BAD_MESSAGE, "log entry: " + e.getMessage(), e);
    }
  }

  private static byte[] taken(ByteBuf out) {
    var bytes = new byte[out.readableBytes()];
    out.readBytes(bytes);
    return bytes;
  }

  private static byte[] deflated(byte[] bytes) {
    var out = new ByteArrayOutputStream();
    try (var deflater = new DeflaterOutputStream(out)) {
      deflater.write(bytes);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return out.toByteArray();
  }

  private static byte[] inflated(byte[] bytes) throws FsException {
    try (var in = new InflaterInputStream(new ByteArrayInputStream(bytes))) {
      byte[] state = in.readNBytes(STATE_BYTES_MAX);
      if (in.read() >= 0) {
        throw new FsException(FsError.BAD_MESSAGE, "log entry: a state that is too large");
      }
      return state;
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(FsError.BAD_MESSAGE, "log entry: " + e.getMessage(), e);
    }
  }
}
