package io.adhocfs.it.posix;

import java.nio.file.Path;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The whole contract on a mount of four daemons by the direct driver. */
class DirectMountContractIT extends FullFileSystemContract {
  @RegisterExtension static final MountedInstance MOUNTED = new MountedInstance(4);

  @Override
  Path root() {
    return MOUNTED.mountPoint();
  }
}
