package io.adhocfs.it.posix;

import java.nio.file.Path;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The basic contract on a mount by the fallback driver. */
class FallbackMountContractIT extends FileSystemContract {
  @RegisterExtension
  static final MountedInstance MOUNTED = new MountedInstance(2).mountedWith("--driver", "jnr");

  @Override
  Path root() {
    return MOUNTED.mountPoint();
  }
}
