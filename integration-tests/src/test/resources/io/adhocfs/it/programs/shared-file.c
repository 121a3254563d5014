/* Ranks write one file by independent, strided collective and atomic calls, then read what others wrote. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 65537, BLOCKS = 8 };

static void check(int code, const char *what) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length;
  MPI_Error_string(code, text, &length);
  fprintf(stderr, "%s: %s\n", what, text);
  MPI_Abort(MPI_COMM_WORLD, 1);
}

static unsigned char byte_of(int phase, int rank, long place) {
  return (unsigned char)(phase * 101 + rank * 31 + place * 7 + (place >> 8));
}

static void fill(unsigned char *buffer, int phase, int rank, long length) {
  for (long i = 0; i < length; i++) buffer[i] = byte_of(phase, rank, i);
}

static void expect(const unsigned char *buffer, int phase, int rank, long length, const char *what) {
  for (long i = 0; i < length; i++)
    if (buffer[i] != byte_of(phase, rank, i)) {
      fprintf(stderr, "%s: byte %ld of rank %d is %d, not %d\n", what, i, rank, buffer[i],
              byte_of(phase, rank, i));
      MPI_Abort(MPI_COMM_WORLD, 1);
    }
}

int main(int argc, char **argv) {
  int rank, ranks;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  /* Odd ranks use the other mount. */
  const char *name = argc > 2 && rank % 2 ? argv[2] : argv[1];
  long length = (long)BLOCK * BLOCKS;
  unsigned char *mine = malloc(length), *theirs = malloc(length);
  int neighbour = (rank + 1) % ranks;
  MPI_File file;
  check(MPI_File_open(MPI_COMM_WORLD, name, MPI_MODE_CREATE | MPI_MODE_RDWR, MPI_INFO_NULL, &file), "open");

  for (int atomic = 0; atomic <= 1; atomic++) {
    check(MPI_File_set_atomicity(file, atomic), "set_atomicity");
    int phase = 1 + atomic * 3;

    /* Each its own range, block by block. */
    fill(mine, phase, rank, length);
    for (int b = 0; b < BLOCKS; b++)
      check(MPI_File_write_at(file, rank * length + (long)b * BLOCK, mine + (long)b * BLOCK, BLOCK, MPI_BYTE,
                              MPI_STATUS_IGNORE), "write_at");
    check(MPI_File_sync(file), "sync");
    MPI_Barrier(MPI_COMM_WORLD);
    check(MPI_File_sync(file), "sync");
    check(MPI_File_read_at(file, neighbour * length, theirs, length, MPI_BYTE, MPI_STATUS_IGNORE), "read_at");
    expect(theirs, phase, neighbour, length, "independent");
    MPI_Barrier(MPI_COMM_WORLD);

    /* Blocks of all ranks take turns, in one collective call. */
    MPI_Datatype turns;
    MPI_Type_vector(BLOCKS, BLOCK, BLOCK * ranks, MPI_BYTE, &turns);
    MPI_Type_commit(&turns);
    check(MPI_File_set_view(file, (MPI_Offset)rank * BLOCK, MPI_BYTE, turns, "native", MPI_INFO_NULL), "set_view");
    fill(mine, phase + 1, rank, length);
    check(MPI_File_write_at_all(file, 0, mine, length, MPI_BYTE, MPI_STATUS_IGNORE), "write_at_all");
    check(MPI_File_sync(file), "sync");
    MPI_Barrier(MPI_COMM_WORLD);
    check(MPI_File_sync(file), "sync");
    check(MPI_File_set_view(file, (MPI_Offset)neighbour * BLOCK, MPI_BYTE, turns, "native", MPI_INFO_NULL),
          "set_view");
    memset(theirs, 0, length);
    check(MPI_File_read_at_all(file, 0, theirs, length, MPI_BYTE, MPI_STATUS_IGNORE), "read_at_all");
    expect(theirs, phase + 1, neighbour, length, "collective");

    /* The same pattern by independent calls: data sieving reads, changes and writes under a lock. */
    MPI_Barrier(MPI_COMM_WORLD);
    check(MPI_File_set_view(file, (MPI_Offset)rank * BLOCK, MPI_BYTE, turns, "native", MPI_INFO_NULL), "set_view");
    fill(mine, phase + 2, rank, length);
    check(MPI_File_write_at(file, 0, mine, length, MPI_BYTE, MPI_STATUS_IGNORE), "sieving write_at");
    check(MPI_File_sync(file), "sync");
    MPI_Barrier(MPI_COMM_WORLD);
    check(MPI_File_sync(file), "sync");
    check(MPI_File_set_view(file, (MPI_Offset)neighbour * BLOCK, MPI_BYTE, turns, "native", MPI_INFO_NULL),
          "set_view");
    check(MPI_File_read_at(file, 0, theirs, length, MPI_BYTE, MPI_STATUS_IGNORE), "sieving read_at");
    expect(theirs, phase + 2, neighbour, length, "sieving");
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Type_free(&turns);
    check(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL), "set_view");
  }

  /*
   * In atomic mode overlapping writes do not mix: each read of a whole record is one rank's. Open MPI's
   * own OMPIO takes no locks for that, and leaves it to what single writes are locally.
   */
  for (int round = 0; round < (getenv("NO_ATOMIC_MODE") ? 0 : 20); round++) {
    memset(mine, 1 + rank, length);
    check(MPI_File_write_at(file, 0, mine, length, MPI_BYTE, MPI_STATUS_IGNORE), "atomic write_at");
    check(MPI_File_read_at(file, 0, theirs, length, MPI_BYTE, MPI_STATUS_IGNORE), "atomic read_at");
    for (long i = 1; i < length; i++)
      if (theirs[i] != theirs[0]) {
        if (round == 0) continue; /* Some ranks have not written yet, perhaps. */
        fprintf(stderr, "atomic: byte %ld is of rank %d, the first of rank %d\n", i, theirs[i] - 1, theirs[0] - 1);
        MPI_Abort(MPI_COMM_WORLD, 1);
      }
  }

  /* The shared pointer, kept in a locked file of its own: each record has a place of its own. */
  check(MPI_File_seek_shared(file, 0, MPI_SEEK_SET), "seek_shared");
  MPI_Barrier(MPI_COMM_WORLD);
  for (int i = 0; i < 25; i++) {
    int record[2] = {rank, i};
    check(MPI_File_write_shared(file, record, 2, MPI_INT, MPI_STATUS_IGNORE), "write_shared");
  }
  check(MPI_File_sync(file), "sync");
  MPI_Barrier(MPI_COMM_WORLD);
  check(MPI_File_sync(file), "sync");
  if (rank == 0) {
    int *records = malloc(ranks * 25 * 2 * sizeof(int)), *seen = calloc(ranks * 25, sizeof(int));
    check(MPI_File_read_at(file, 0, records, ranks * 25 * 2, MPI_INT, MPI_STATUS_IGNORE), "read_at");
    for (int i = 0; i < ranks * 25; i++) seen[records[2 * i] * 25 + records[2 * i + 1]]++;
    for (int i = 0; i < ranks * 25; i++)
      if (seen[i] != 1) {
        fprintf(stderr, "shared pointer: record %d of rank %d is there %d times\n", i % 25, i / 25, seen[i]);
        MPI_Abort(MPI_COMM_WORLD, 1);
      }
    free(records);
    free(seen);
  }
  check(MPI_File_close(&file), "close");
  free(mine);
  free(theirs);
  puts("done");
  fflush(stdout);
  MPI_Finalize();
  return 0;
}
