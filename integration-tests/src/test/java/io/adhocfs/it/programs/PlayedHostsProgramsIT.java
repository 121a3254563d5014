package io.adhocfs.it.programs;

import io.adhocfs.it.instance.Hosts;
import io.adhocfs.it.instance.TestInstance;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * MPI-IO and parallel HDF5 as on a cluster: four hosts with a daemon, a mount and a rank each. The
 * mounts lie at the same place everywhere; the ranks are started from the first host over the
 * network, and speak with each other over it alone.
 *
 * <p>One rank on each mount, for those of one mount that ask at once may see its old pages, see
 * docs/consistency.md.
 */
class PlayedHostsProgramsIT {
  private static Hosts hosts;
  private static Path hostsFile;
  private static TestInstance instance;
  private static int tests;

  @BeforeAll
  static void bringUp() throws Exception {
    hosts = Hosts.make(256, 256, 256, 256);
    hostsFile = hosts.file(0, 1, 2, 3);
    instance = TestInstance.up(hosts, hostsFile, "--mount", mountPoint().toString());
  }

  @AfterAll
  static void takeDown() throws Exception {
    // Either is null if it could not be made.
    try (Hosts played = hosts) {
      try (TestInstance _ = instance) {}
      for (int host = 0; played != null && host < 4; host++) {
        played.on(
            host,
            "! grep fuse.adhocfs /proc/self/mountinfo && [ -z \"$(find %s -type f)\" ]"
                .formatted(played.disk()));
      }
    }
  }

  @AfterEach
  void verify() throws Exception {
    instance.verify();
  }

  /** On each host a directory on its own disk. */
  private static Path mountPoint() {
    return hosts.disk().resolve("mnt");
  }

  /**
   * Runs a bash script that ends at its first failing command on the first host, in a new directory
   * of the file system, {@code $here}. {@code ranks} and {@code $mpi} are of an implementation of
   * MPI and of MPI-IO; {@code everywhere} runs a command on each host.
   */
  private static void run(String implementation, String script) throws Exception {
    hosts.bash(
        0,
        """
        here=%s/test-%d; programs=%s
        implementation=%s; hosts=$(paste -sd, %s); remote=%s; disk=%s
        . "$programs/mpi.sh"
        everywhere() {
          local host
          for host in ${hosts//,/ }; do "$remote" "$host" "$@"; done
        }
        mkdir "$here"
        cd "$here"
        """
                .formatted(
                    mountPoint(),
                    ++tests,
                    ProgramsContract.programs(),
                    implementation,
                    hostsFile,
                    hosts.remoteShell(),
                    hosts.disk())
            + script);
  }

  @ParameterizedTest
  @ValueSource(strings = {"mpich", "openmpi", "openmpi-romio"})
  void ranksRunOnHostsApart(String implementation) throws Exception {
    run(
        implementation,
        """
        mpicc.$mpi -O1 -Wall -o program "$programs/apart.c"
        names=$(everywhere hostname)
        [ "$(ranks 4 "$here/program" | grep -oE "${names//$'\\n'/|}" | sort)" = "$names" ]
        """);
  }

  @ParameterizedTest
  @ValueSource(strings = {"mpich", "openmpi", "openmpi-romio"})
  void ranksShareAFile(String implementation) throws Exception {
    run(
        implementation,
        """
        mpicc.$mpi -O1 -Wall -o program "$programs/shared-file.c"
        for round in $(seq %d); do
          ranks 4 "$here/program" "$here/file"
          [ "$(everywhere cksum "$here/file" | uniq | wc -l)" = 1 ]
          rm file
        done
        """
            .formatted(ProgramsContract.FULL ? 20 : 2));
  }

  @ParameterizedTest
  @ValueSource(strings = {"mpich", "openmpi", "openmpi-romio"})
  void ranksWriteAnHdf5FileTogether(String implementation) throws Exception {
    run(
        implementation,
        """
        h5pcc.$mpi -shlib -O1 -Wall -o program "$programs/parallel-hdf5.c"
        for round in $(seq %d); do
          ranks 4 "$here/program" "$here/f.h5"
          everywhere /usr/bin/python3 "$programs/parallel-hdf5.py" "$here/f.h5"
          rm f.h5
        done
        """
            .formatted(ProgramsContract.FULL ? 20 : 1));
  }
}
