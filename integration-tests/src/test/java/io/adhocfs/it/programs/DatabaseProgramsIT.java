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

  /** What makes {@code ranks} run a program by an implementation of MPI and of MPI-IO. */
  private static String mpi(String implementation) {
    return "implementation=%s; . \"$programs/mpi.sh\"\n".formatted(implementation);
  }

  @ParameterizedTest
  @ValueSource(strings = {"mpich", "openmpi", "openmpi-romio"})
  void mpiRanksShareAFile(String implementation) throws Exception {
    run(
        mpi(implementation)
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
        mpi(implementation)
            + """
            mpicc.$mpi -O1 -Wall -o "$here/program" "$programs/shared-file.c"
            for round in $(seq %d); do
              ranks 2 "$here/program" "$here/file" "$there/file"
              rm "$there/file"
            done
            """
                .formatted(FULL ? 20 : 2));
  }

  @ParameterizedTest
  @ValueSource(strings = {"mpich", "openmpi", "openmpi-romio"})
  void ranksWriteAnHdf5FileTogether(String implementation) throws Exception {
    run(
        mpi(implementation)
            + """
            h5pcc.$mpi -shlib -O1 -Wall -o "$local/program" "$programs/parallel-hdf5.c"
            for round in $(seq %d); do
              ranks 4 "$local/program" "$here/f.h5"
              "$python" "$programs/parallel-hdf5.py" "$there/f.h5"
              ranks 2 "$local/program" "$here/f.h5" "$there/f.h5"
              rm "$there/f.h5"
            done
            """
                .formatted(FULL ? 20 : 1));
  }
}
