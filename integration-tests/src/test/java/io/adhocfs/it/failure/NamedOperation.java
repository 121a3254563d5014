package io.adhocfs.it.failure;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.ClientOptions;
import io.adhocfs.client.InodeOperations;
import io.adhocfs.client.RenameMode;
import io.adhocfs.protocol.instance.InstanceDirectory;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.Owner;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * One operation on inodes and names, spelled in words, so that a process of its own can be told to
 * run it: {@link #main}.
 */
record NamedOperation(List<String> words) {
  /** What the process says when it could run the operation at once. */
  static final String READY = "ready";

  /** What it says when it was told success. */
  static final String DONE = "done";

  private static final Owner OWNER = new Owner(0, 0);
  private static final Duration DEADLINE = Duration.ofMinutes(3);

  NamedOperation {
    words = List.copyOf(words);
  }

  static NamedOperation rename(InodeId from, String name, InodeId to, String newName) {
    return new NamedOperation(List.of("rename", from.toString(), name, to.toString(), newName));
  }

  static NamedOperation link(InodeId inode, InodeId directory, String name) {
    return new NamedOperation(List.of("link", inode.toString(), directory.toString(), name));
  }

  static NamedOperation makeDirectory(InodeId directory, String name) {
    return new NamedOperation(List.of("mkdir", directory.toString(), name));
  }

  static NamedOperation removeDirectory(InodeId directory, String name) {
    return new NamedOperation(List.of("rmdir", directory.toString(), name));
  }

  static NamedOperation unlink(InodeId directory, String name) {
    return new NamedOperation(List.of("unlink", directory.toString(), name));
  }

  static NamedOperation create(InodeId directory, String name) {
    return new NamedOperation(List.of("create", directory.toString(), name));
  }

  static NamedOperation truncate(InodeId inode, long sizeBytes) {
    return new NamedOperation(List.of("truncate", inode.toString(), Long.toString(sizeBytes)));
  }

  /** Begins it; the answer comes later. */
  CompletableFuture<?> begin(InodeOperations inodes) throws FsException {
    return switch (words.getFirst()) {
      case "rename" -> inodes.rename(inode(1), name(2), inode(3), name(4), RenameMode.REPLACE);
      case "link" -> inodes.link(inode(1), inode(2), name(3));
      case "mkdir" -> inodes.makeDirectory(inode(1), name(2), 0755, OWNER);
      case "rmdir" -> inodes.removeDirectory(inode(1), name(2));
      case "unlink" -> inodes.unlink(inode(1), name(2));
      case "create" -> inodes.create(inode(1), name(2), NewInode.regularFile(0644, OWNER));
      case "truncate" -> inodes.truncate(inode(1), Long.parseLong(words.get(2)));
      default -> throw new IllegalArgumentException("no operation is called " + words.getFirst());
    };
  }

  private InodeId inode(int index) {
    return new InodeId(Long.parseUnsignedLong(words.get(index)));
  }

  private EntryName name(int index) throws FsException {
    return EntryName.ofText(words.get(index));
  }

  /** A client that waits long for nodes that are dead. */
  static AdhocFileSystem patientClient(Path home, String instance) throws FsException {
    var instances = new InstanceDirectory(home);
    return AdhocFileSystem.open(
        () -> instances.read(instance).instance(), ClientOptions.DEFAULT.withDeadline(DEADLINE));
  }

  /** Starts a process that runs this as soon as it is sent a line. */
  Process inProcessOfItsOwn(Path home, String instance) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xmx64m",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                System.getProperty("java.class.path"),
                NamedOperation.class.getName(),
                home.toString(),
                instance));
    command.addAll(words);
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  /** Arguments: the directory of instances, the instance, the words. */
  public static void main(String[] arguments) throws Exception {
    var operation = new NamedOperation(List.of(arguments).subList(2, arguments.length));
    try (AdhocFileSystem fileSystem = patientClient(Path.of(arguments[0]), arguments[1])) {
      System.out.println(READY);
      // Whoever ends this process early must not find it waiting for a line that never comes.
      if (System.in.read() >= 0) {
        Object _ = operation.begin(fileSystem.inodes()).get();
        System.out.println(DONE);
      }
    }
  }

  @Override
  public String toString() {
    return String.join(" ", words);
  }
}
