package io.adhocfs.it.posix;

import java.nio.file.Path;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The whole contract on a mount whose directories are spread once they have two entries. */
class SpreadDirectoriesContractIT extends FullFileSystemContract {
  @RegisterExtension
  static final MountedInstance MOUNTED =
      new MountedInstance(4, "--set", "directory.spread-entries=2");

  @Override
  Path root() {
    return MOUNTED.mountPoint();
  }
}
