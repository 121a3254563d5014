package io.adhocfs.it.programs;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Databases and libraries that keep their files consistent by locks, by the order of their writes
 * and by what fsync promises: SQLite, PostgreSQL, HDF5 and MPI-IO.
 */
class DatabaseProgramsIT extends ProgramsContract {
  @Test
  void sqliteTakesRowsOfTwoProcessesOnTwoMountsByARollbackJournal() throws Exception {
    for (String mode : new String[] {"DELETE", "TRUNCATE", "PERSIST"}) {
      insertConcurrently(mode, "$there");
    }
  }

  /** Processes share the index of the log by a mapping, which SQLite asks to be on one host. */
  @Test
  void sqliteTakesRowsOfTwoProcessesOnOneMountByAWriteAheadLog() throws Exception {
    insertConcurrently("WAL", "$here");
  }

  private void insertConcurrently(String mode, String secondDirectory) throws Exception {
    run(
        """
        database=%1$s.sqlite rows=%3$s
        sqlite3 "$here/$database" 'PRAGMA journal_mode=%1$s; CREATE TABLE total(n INT);
          CREATE TABLE t(writer INT, number INT, text TEXT, PRIMARY KEY(writer, number));
          INSERT INTO total VALUES(0);'
        for round in 1 2; do
          "$python" "$programs/sqlite-writer.py" "$here/$database" "1$round" $rows & first=$!
          "$python" "$programs/sqlite-writer.py" "%2$s/$database" "2$round" $rows
          wait $first
        done
        for directory in "$here" "$there"; do
          [ "$(sqlite3 "$directory/$database" 'PRAGMA integrity_check; SELECT count(*) FROM t;
            SELECT n FROM total;' | tr '\\n' ' ')" = "ok $((rows * 4)) $((rows * 4)) " ]
        done
        """
            .formatted(mode, secondDirectory, FULL ? 400 : 40));
  }

  @Test
  void postgresqlRecoversAfterItWasKilled() throws Exception {
    run("seconds=%d; . \"$programs/postgres.sh\"".formatted(FULL ? 60 : 5));
  }

  @Test
  void hdf5KeepsTheRowsOfTwoProcessesOnTwoMounts() throws Exception {
    run(
        """
        export HDF5_USE_FILE_LOCKING=TRUE
        each=%d
        "$python" -c 'import h5py, sys; h5py.File(sys.argv[1], "w").close()' "$here/f.h5"
        "$python" "$programs/hdf5-writer.py" "$here/f.h5" 1 $each & first=$!
        "$python" "$programs/hdf5-writer.py" "$there/f.h5" 2 $each
        wait $first
        "$python" "$programs/hdf5-reader.py" "$here/f.h5" $each
        "$python" "$programs/hdf5-reader.py" "$there/f.h5" $each
        """
            .formatted(FULL ? 300 : 40));
  }

  /** The implementations of MPI and of MPI-IO; Open MPI asks before it runs as root. */
  private static final String MPI =
      """
      mpi=%s
      export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
      case $mpi in
        mpich) ranks() { mpirun.mpich -np "$@"; } ;;
        # OMPIO, its own, and ROMIO, which it has from MPICH.
        openmpi) export NO_ATOMIC_MODE=1; ranks() { mpirun.openmpi --oversubscribe --mca io ompio -np "$@"; } ;;
        openmpi-romio) mpi=openmpi; ranks() { mpirun.openmpi --oversubscribe --mca io romio321 -np "$@"; } ;;
      esac
      """;

  @ParameterizedTest
  @ValueSource(strings = {"mpich", "openmpi", "openmpi-romio"})
  void mpiRanksShareAFile(String implementation) throws Exception {
    run(
        MPI.formatted(implementation)
            + """
            mpicc.$mpi -O1 -Wall -o "$here/program" "$programs/shared-file.c"
            for round in $(seq %d); do
              ranks 4 "$here/program" "$here/file"
              rm "$there/file"
            done
            """
                .formatted(FULL ? 20 : 2));
  }

  /**
   * One rank on each mount: the kernel of a mount that two programs have ask at once may show one
   * of them its old pages, see docs/consistency.md.
   */
  @ParameterizedTest
  @ValueSource(strings = {"mpich", "openmpi", "openmpi-romio"})
  void mpiRanksOnTwoMountsShareAFile(String implementation) throws Exception {
    run(
        MPI.formatted(implementation)
            + """
            mpicc.$mpi -O1 -Wall -o "$here/program" "$programs/shared-file.c"
            for round in $(seq %d); do
              ranks 2 "$here/program" "$here/file" "$there/file"
              rm "$there/file"
            done
            """
                .formatted(FULL ? 20 : 2));
  }

  /** As on two hosts: for each rank the file system lies at the same place, by another mount. */
  @ParameterizedTest
  @ValueSource(strings = {"mpich", "openmpi", "openmpi-romio"})
  void mpiRanksInMountNamespacesShareFiles(String implementation) throws Exception {
    run(
        MPI.formatted(implementation)
            + """
            mpicc.$mpi -O1 -Wall -o "$local/program" "$programs/shared-file.c"
            h5pcc.$mpi -shlib -O1 -Wall -o "$local/parallel-hdf5" "$programs/parallel-hdf5.c"
            mkdir "$local/shared"
            cat > "$local/host" <<'END'
            #!/bin/bash
            # Runs a program on the "host" of its rank: directory of even ranks, of odd ones, program...
            rank=${PMI_RANK:-${OMPI_COMM_WORLD_RANK:-}}
            directories=("$1" "$2")
            shift 2
            export directory=${directories[rank %% 2]}
            exec unshare --mount --propagation private bash -c \
              'mount --bind "$directory" "${0%%/*}/shared" && exec "$@"' "$0" "$@"
            END
            chmod +x "$local/host"
            for round in $(seq %d); do
              ranks 2 "$local/host" "$here" "$there" "$local/program" "$local/shared/file"
              ranks 2 "$local/host" "$here" "$there" "$local/parallel-hdf5" "$local/shared/f.h5"
              [ -z "$(ls "$local/shared")" ]
              rm "$there/file" "$here/f.h5"
            done
            """
                .formatted(FULL ? 10 : 1));
  }

  @ParameterizedTest
  @ValueSource(strings = {"mpich", "openmpi", "openmpi-romio"})
  void ranksWriteAnHdf5FileTogether(String implementation) throws Exception {
    run(
        MPI.formatted(implementation)
            + """
            h5pcc.$mpi -shlib -O1 -Wall -o "$local/program" "$programs/parallel-hdf5.c"
            for round in $(seq %d); do
              ranks 4 "$local/program" "$here/f.h5"
              # By the library without MPI, through the other mount.
              "$python" -c 'import h5py, sys
            sums = [int(h5py.File(sys.argv[1], "r")["set%%d" %% i][:].astype("i8").sum()) for i in range(3)]
            assert sums == [7273536000, 391274688000, 775275840000], sums' "$there/f.h5"
              ranks 2 "$local/program" "$here/f.h5" "$there/f.h5"
              rm "$there/f.h5"
            done
            """
                .formatted(FULL ? 20 : 1));
  }
}
