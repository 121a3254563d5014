package io.adhocfs.it.posix;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.it.instance.TestInstance;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The setting {@code permissions}, with both drivers. */
class PermissionsIT {
  /** As root, but with none of its privileges. */
  private static final String PLAINLY = "setpriv --bounding-set=-all --inh-caps=-all";

  /** As somebody else. */
  private static final String STRANGER = "setpriv --reuid=65534 --regid=65534 --clear-groups";

  private static String outcomes(TestInstance instance, Path mount) throws Exception {
    String script =
        """
        mkdir -p d
        echo mine > d/mine; chmod 0600 d/mine
        echo other > d/other; chown 65534 d/other; chmod 0600 d/other
        try() { if "$@" >/dev/null 2>&1; then echo -n "yes "; else echo -n "no "; fi; }
        try %1$s cat d/mine
        try %1$s cat d/other
        try %2$s ls .
        try %2$s cat d/other
        try %2$s cat d/mine
        rm -r d
        """
            .formatted(PLAINLY, STRANGER);
    return instance.bash(mount, script).strip();
  }

  @Test
  void modesAndOwnersCountWhereTheyAreChecked() throws Exception {
    try (TestInstance instance = TestInstance.up(1)) {
      for (String driver : new String[] {"direct", "jnr"}) {
        Path mount = instance.mount("--driver", driver);
        assertThat(outcomes(instance, mount)).as(driver).isEqualTo("yes no yes yes no");
      }
    }
  }

  @Test
  void offLetsTheMountingUserDoEverythingAndNobodyElse() throws Exception {
    try (TestInstance instance = TestInstance.up(1, "--set", "permissions=off")) {
      for (String driver : new String[] {"direct", "jnr"}) {
        Path mount = instance.mount("--driver", driver);
        assertThat(outcomes(instance, mount)).as(driver).isEqualTo("yes yes no no no");
      }
    }
  }
}
