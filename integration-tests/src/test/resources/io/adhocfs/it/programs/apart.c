/* Each rank runs on a host of its own, as far as the library of MPI can tell. */
#include <mpi.h>
#include <stdio.h>

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm host;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
  char name[MPI_MAX_PROCESSOR_NAME];
  int length, ranks;
  MPI_Get_processor_name(name, &length);
  MPI_Comm_size(host, &ranks);
  if (ranks != 1) {
    fprintf(stderr, "%d ranks share the memory of %s\n", ranks, name);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  printf("%s\ndone\n", name);
  fflush(stdout);
  MPI_Finalize();
  return 0;
}
