/* Ranks write one HDF5 file together, open it anew, and each reads what the others wrote. */
#include <hdf5.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 64, COLUMNS = 1500, ROUNDS = 3 };

static int rank, ranks;

static void check(long long result, const char *what) {
  if (result >= 0) return;
  fprintf(stderr, "rank %d: %s failed\n", rank, what);
  MPI_Abort(MPI_COMM_WORLD, 1);
}

static int value(int round, int writer, int row, int column) {
  return round * 1000003 + writer * 10007 + row * 101 + column;
}

static hid_t open_file(const char *name, int create) {
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  check(H5Pset_fapl_mpio(access, MPI_COMM_WORLD, MPI_INFO_NULL), "H5Pset_fapl_mpio");
  hid_t file = create ? H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, access) : H5Fopen(name, H5F_ACC_RDWR, access);
  check(file, "opening the file");
  H5Pclose(access);
  return file;
}

/* Rows of one writer: its block, or every ranks-th row, by a collective or an independent call. */
static void transfer(hid_t set, int writer, int strided, int collective, int *rows, int writes) {
  hsize_t count[2] = {ROWS, COLUMNS}, start[2] = {strided ? writer : writer * ROWS, 0}, step[2] = {strided ? ranks : 1, 1};
  hid_t in_file = H5Dget_space(set), in_memory = H5Screate_simple(2, count, NULL), how = H5Pcreate(H5P_DATASET_XFER);
  check(H5Sselect_hyperslab(in_file, H5S_SELECT_SET, start, step, count, NULL), "H5Sselect_hyperslab");
  check(H5Pset_dxpl_mpio(how, collective ? H5FD_MPIO_COLLECTIVE : H5FD_MPIO_INDEPENDENT), "H5Pset_dxpl_mpio");
  check(writes ? H5Dwrite(set, H5T_NATIVE_INT, in_memory, in_file, how, rows)
               : H5Dread(set, H5T_NATIVE_INT, in_memory, in_file, how, rows), writes ? "H5Dwrite" : "H5Dread");
  H5Pclose(how);
  H5Sclose(in_memory);
  H5Sclose(in_file);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  /* Odd ranks use the other mount. */
  const char *name = argc > 2 && rank % 2 ? argv[2] : argv[1];
  int *rows = malloc(sizeof(int) * ROWS * COLUMNS);
  hid_t file = open_file(name, 1);
  hsize_t size[2] = {(hsize_t)ranks * ROWS, COLUMNS}, chunk[2] = {16, 500};
  for (int round = 0; round < ROUNDS; round++) {
    int strided = round % 2, collective = round != 1;
    char label[16];
    snprintf(label, sizeof label, "set%d", round);
    hid_t space = H5Screate_simple(2, size, NULL), layout = H5Pcreate(H5P_DATASET_CREATE);
    if (round == 2) check(H5Pset_chunk(layout, 2, chunk), "H5Pset_chunk");
    hid_t set = H5Dcreate(file, label, H5T_NATIVE_INT, space, H5P_DEFAULT, layout, H5P_DEFAULT);
    check(set, "H5Dcreate");
    for (int r = 0; r < ROWS; r++)
      for (int c = 0; c < COLUMNS; c++) rows[r * COLUMNS + c] = value(round, rank, r, c);
    transfer(set, rank, strided, collective, rows, 1);
    H5Dclose(set);
    H5Pclose(layout);
    H5Sclose(space);
  }
  check(H5Fclose(file), "H5Fclose");
  MPI_Barrier(MPI_COMM_WORLD);

  file = open_file(name, 0);
  for (int round = 0; round < ROUNDS; round++) {
    char label[16];
    snprintf(label, sizeof label, "set%d", round);
    hid_t set = H5Dopen(file, label, H5P_DEFAULT);
    check(set, "H5Dopen");
    for (int other = 0; other < ranks; other++) {
      int writer = (rank + other) % ranks;
      transfer(set, writer, round % 2, round != 1, rows, 0);
      for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLUMNS; c++)
          if (rows[r * COLUMNS + c] != value(round, writer, r, c)) {
            fprintf(stderr, "rank %d: row %d, column %d of rank %d in %s is %d\n", rank, r, c, writer, label,
                    rows[r * COLUMNS + c]);
            MPI_Abort(MPI_COMM_WORLD, 1);
          }
    }
    H5Dclose(set);
  }
  check(H5Fclose(file), "H5Fclose");
  free(rows);
  puts("done");
  fflush(stdout);
  MPI_Finalize();
  return 0;
}
