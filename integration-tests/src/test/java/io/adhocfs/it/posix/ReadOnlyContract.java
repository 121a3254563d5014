package io.adhocfs.it.posix;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The table read-only.cases. All its cases look at one directory. */
abstract class ReadOnlyContract extends SystemCallContract {
  /** Fills an empty directory, while it can be written, with what the cases expect. */
  static void fill(Path directory) throws Exception {
    Files.writeString(directory.resolve("f"), "hello");
    Files.setAttribute(
        directory.resolve("f"), "user:a", java.nio.charset.StandardCharsets.UTF_8.encode("one"));
    Files.createDirectory(directory.resolve("d"));
    Files.createFile(directory.resolve("d/g"));
    Files.createSymbolicLink(directory.resolve("s"), Path.of("f"));
    if (new ProcessBuilder("mkfifo", directory.resolve("p").toString()).start().waitFor() != 0) {
      throw new AssertionError("no fifo");
    }
  }

  @Override
  List<String> tables() {
    return List.of("read-only.cases");
  }

  @Override
  Path directory(int number) {
    return root();
  }
}
