package io.adhocfs.cli.arguments;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The output of a command: text in UTF-8, and names as their bytes. Results go to the output
 * stream, everything else to the error stream. Thread-safe.
 *
 * <p>On a terminal, control characters in texts and names are escaped, since a terminal takes some
 * of them for commands; output to a pipe or file is unchanged.
 *
 * <p>A reader that goes away (as {@code head} does) is no error: later output is dropped.
 */
public final class Output {
  private static final Path DESCRIPTORS = Path.of("/proc/self/fd");

  private final OutputStream out;
  private final OutputStream err;
  private final boolean outIsTerminal;
  private final boolean errIsTerminal;

  // Guards both streams, so that output of several threads does not mix within a line.
  private final ReentrantLock lock = new ReentrantLock();
  private @Nullable IOException failure;

  /**
   * Creates an output to these streams.
   *
   * @param outIsTerminal whether {@code out} is a terminal; {@code errIsTerminal} likewise for
   *     {@code err}
   */
  public Output(OutputStream out, OutputStream err, boolean outIsTerminal, boolean errIsTerminal) {
    this.out = out;
    this.err = err;
    this.outIsTerminal = outIsTerminal;
    this.errIsTerminal = errIsTerminal;
  }

  /** The streams of this process. */
  public static Output ofThisProcess() {
    return new Output(
        new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16),
        new FileOutputStream(FileDescriptor.err),
        isTerminal(1),
        isTerminal(2));
  }

  private static boolean isTerminal(int descriptor) {
    try {
      String target =
          Files.readSymbolicLink(DESCRIPTORS.resolve(Integer.toString(descriptor))).toString();
      return target.startsWith("/dev/pts/")
          || target.startsWith("/dev/tty")
          || target.equals("/dev/console");
    } catch (IOException unknown) {
      return false;
    }
  }

  /** Whether the error stream is a terminal, so that people watch the progress. */
  public boolean errIsTerminal() {
    return errIsTerminal;
  }

  /** A line of the result. */
  public void line(String text) {
    String shown = outIsTerminal ? ShownName.harmless(text) : text;
    bytes((shown + "\n").getBytes(UTF_8));
  }

  /** A name in the result: as its bytes or, on a terminal, as {@link ShownName#quoted}. */
  public void name(byte[] name) {
    bytes(outIsTerminal ? ShownName.quoted(name).getBytes(UTF_8) : name);
  }

  /** Bytes of the result. */
  public void bytes(byte[] bytes) {
    bytes(bytes, 0, bytes.length);
  }

  /** As {@link #bytes(byte[])}, but only a part of the array. */
  public void bytes(byte[] bytes, int offset, int length) {
    lock.lock();
    try {
      if (failure == null) {
        out.write(bytes, offset, length);
      }
    } catch (IOException e) {
      failure = e;
    } finally {
      lock.unlock();
    }
  }

  /** A line about progress or errors, to the error stream; not part of the result. */
  public void note(String text) {
    rawNote((errIsTerminal ? ShownName.harmless(text) : text) + "\n");
  }

  /**
   * As {@link #note}, but without a line end and unescaped: for progress that overwrites itself.
   */
  public void rawNote(String text) {
    lock.lock();
    try {
      out.flush();
      err.write(text.getBytes(UTF_8));
      err.flush();
    } catch (IOException e) {
      // There is no stream left to report this.
      failure = e;
    } finally {
      lock.unlock();
    }
  }

  /** Whether writing has failed, for example because no program reads the result any more. */
  public boolean abandoned() {
    lock.lock();
    try {
      return failure != null;
    } finally {
      lock.unlock();
    }
  }

  /** Why results could not be written; null if they were written or their reader went away. */
  public @Nullable String lost() {
    lock.lock();
    try {
      String reason = failure == null ? null : String.valueOf(failure.getMessage());
      return reason == null || reason.contains("Broken pipe") ? null : reason;
    } finally {
      lock.unlock();
    }
  }

  /** Writes out what is buffered. */
  public void flush() {
    lock.lock();
    try {
      out.flush();
    } catch (IOException e) {
      failure = e;
    } finally {
      lock.unlock();
    }
  }
}
