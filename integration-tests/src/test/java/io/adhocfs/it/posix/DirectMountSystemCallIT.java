package io.adhocfs.it.posix;

import java.nio.file.Path;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The table of system calls on a mount of three daemons by the direct driver. */
class DirectMountSystemCallIT extends SystemCallContract {
  @RegisterExtension static final MountedInstance MOUNTED = new MountedInstance(3);

  @Override
  Path root() {
    return MOUNTED.mountPoint();
  }
}
