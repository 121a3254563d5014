package io.adhocfs.it.posix;

import java.nio.file.Path;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * The whole contract on a mount with the switches of profile scratch, which lets the kernel use
 * what it was told for a minute.
 */
class CachedMountContractIT extends FullFileSystemContract {
  @RegisterExtension
  static final MountedInstance MOUNTED =
      new MountedInstance(4, "--set", "profile=scratch", "--set", "cache.timeout=60s");

  @Override
  Path root() {
    return MOUNTED.mountPoint();
  }
}
