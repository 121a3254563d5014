package io.adhocfs.it.malleability;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.AdhocPath;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.OpenOptions;
import io.adhocfs.protocol.model.FsException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;

/**
 * A program that makes one file after the other until it is killed, and says of each that it is
 * done; and what others expect of it afterwards.
 */
final class AcknowledgingProgram implements AutoCloseable {
  private static final int BYTES_MAX = 900_000;

  /** The pace of writing. */
  private static final long PAUSE_NANOS = 5_000_000;

  private final Process process;
  private final String directory;

  /** Starts one that makes files in a new directory; returns when it has made the first. */
  AcknowledgingProgram(ChangingInstance instance, String directory) throws IOException {
    this.directory = directory;
    process = instance.startProgram(AcknowledgingProgram.class, directory);
    // The stream is buffered no further than by the pipe: what it says later is not lost.
    if (process.getInputStream().read() < 0) {
      throw new AssertionError("the program has ended before it made a file");
    }
  }

  void kill() {
    // By its handle: that of Process would close what it has said.
    process.toHandle().destroyForcibly();
    var _ = process.onExit().join();
  }

  /** Expects all files that it has called done, each with its content. */
  void requireAcknowledged(AdhocFileSystem reader) throws IOException {
    int count = 0;
    try (BufferedReader said = process.inputReader()) {
      // The first line lacks the character that the start has read.
      for (String line = said.readLine(); line != null; line = said.readLine()) {
        if (!line.endsWith(".")) {
          continue; // it was killed in the middle of the line
        }
        byte[] expected = content(count);
        ByteBuffer read = ByteBuffer.allocate(expected.length + 1);
        try (OpenFile file = reader.open(path(directory, count), OpenOptions.READ)) {
          assertThat(file.read(0, read)).isEqualTo(expected.length);
        }
        assertThat(read.array()).startsWith(expected);
        count++;
      }
    }
    assertThat(count).as("files of " + directory).isPositive();
  }

  private static AdhocPath path(String directory, int number) throws FsException {
    return AdhocPath.ofText(directory + "/f" + number);
  }

  private static byte[] content(int number) {
    var random = new SplittableRandom(number);
    var bytes = new byte[1 + random.nextInt(number % 5 == 0 ? BYTES_MAX : BYTES_MAX / 200)];
    random.nextBytes(bytes);
    return bytes;
  }

  /** Arguments: the directory of instances, the instance, the directory for the files. */
  public static void main(String[] arguments) throws Exception {
    try (AdhocFileSystem fileSystem =
        ChangingInstance.clientOf(Path.of(arguments[0]), arguments[1])) {
      fileSystem.createDirectory(AdhocPath.ofText(arguments[2]), 0755);
      for (int i = 0; ; i++) {
        OpenFile file = fileSystem.open(path(arguments[2], i), OpenOptions.CREATE_NEW);
        file.write(0, ByteBuffer.wrap(content(i)));
        file.close();
        System.out.println("file " + i + ".");
        System.out.flush();
        LockSupport.parkNanos(PAUSE_NANOS);
      }
    }
  }

  @Override
  public void close() {
    kill();
  }
}
