package io.adhocfs.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MadeDirectoriesTest {
  @TempDir private Path directory;

  @Test
  void removesWhatItMadeAndNothingElse() throws Exception {
    Path users = Files.createDirectory(directory.resolve("users"));
    Path made = users.resolve("a/b/c");
    MadeDirectories.make(made);
    MadeDirectories.make(made);
    Path node = Files.createDirectory(made.resolve("node-0"));
    StorageRemoval.remove(node);
    assertThat(users).isEmptyDirectory();
  }

  @Test
  void leavesWhatIsInUse() throws Exception {
    Path made = directory.resolve("a/b");
    MadeDirectories.make(made);
    Path other = Files.createDirectory(directory.resolve("a/other"));
    MadeDirectories.removeEmpty(made);
    assertThat(made).doesNotExist();
    assertThat(other).isDirectory();
    StorageRemoval.remove(other);
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void severalMakeAndRemoveTheSameAtOnce() throws Exception {
    Path shared = directory.resolve("shared");
    try (ExecutorService threads = Executors.newFixedThreadPool(3)) {
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        Path own = shared.resolve("parent").resolve("own-" + i);
        all.add(
            threads.submit(() -> {
              for (int round = 0; round < 2000; round++) {
                MadeDirectories.make(own);
                MadeDirectories.removeEmpty(own);
                MadeDirectories.makeInside(own);
                Files.delete(own);
                MadeDirectories.removeEmpty(own.getParent());
              }
              return null;
            }));
      }
      for (Future<?> one : all) {
        one.get();
      }
    }
  }

  @Test
  void leavesAnEmptyDirectoryThatItDidNotMake() throws Exception {
    Path users = Files.createDirectory(directory.resolve("users"));
    StorageRemoval.remove(Files.createDirectory(users.resolve("node-0")));
    assertThat(users).isEmptyDirectory();
  }
}
