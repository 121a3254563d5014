/*
 * Measures a file system by its system calls: what scripts/bench runs on a mount, on a local disk and
 * on the bare driver alike. Prints one line for each figure: its name, a blank, the rate.
 *
 * usage: bench-driver DIRECTORY [processes [files [MiB [seconds]]]]
 *   files     of each kind and process at most (default 10000)
 *   MiB       size of the streamed file of each process (default 512)
 *   seconds   the most that one phase takes (default 5); a figure is a rate, so a phase that is cut
 *             short counts for what it did
 *
 * Each process works in its own directory; phases begin and end together. Reads are made of pages that
 * were dropped from the cache before (POSIX_FADV_DONTNEED), and no block is read twice.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SMALL_FILE_BYTES = 3901, STREAM_BYTES = 1 << 20, BLOCK_BYTES = 4096, PHASES_MAX = 16 };

struct shared {
  pthread_barrier_t barrier;
  double began[PHASES_MAX];
  double work[PHASES_MAX]; /* of process p at [phase], added up under the lock */
  pthread_mutex_t lock;
};

static struct shared *shared;
static int processes = 1;
static int process;
static long files = 10000;
static long stream_mib = 512;
static double seconds = 5;
static int phase;
static double phase_end;
static char *buffer;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what, const char *name) {
  fprintf(stderr, "bench-driver: %s %s: %s\n", what, name, strerror(errno));
  kill(0, SIGKILL); /* The others would wait at the barrier for ever; main made them a group. */
  exit(1);
}

static void begin(void) {
  pthread_barrier_wait(&shared->barrier);
  double at = now();
  if (process == 0) shared->began[phase] = at;
  phase_end = at + seconds;
}

/* Ends the phase; process 0 prints the rate of all. */
static void end(const char *figure, double work) {
  pthread_mutex_lock(&shared->lock);
  shared->work[phase] += work;
  pthread_mutex_unlock(&shared->lock);
  pthread_barrier_wait(&shared->barrier);
  if (process == 0) {
    printf("%s %.1f\n", figure, shared->work[phase] / (now() - shared->began[phase]));
    fflush(stdout);
  }
  phase++;
}

/* Looked at every few operations: the clock is cheap, but not free. */
static int time_is_up(long done) { return (done & 15) == 15 && now() > phase_end; }

static void name_of(char *name, const char *kind, long i) { sprintf(name, "%s%ld", kind, i); }

static void empty_files(void) {
  char name[64];
  struct stat status;
  long made, i;
  begin();
  for (made = 0; made < files && !time_is_up(made); made++) {
    name_of(name, "empty", made);
    int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
    if (fd < 0) die("create", name);
    close(fd);
  }
  end("create", (double)made);
  begin();
  for (i = 0; i < made && !time_is_up(i); i++) {
    name_of(name, "empty", i);
    if (stat(name, &status) != 0) die("stat", name);
  }
  end("stat", (double)i);
  begin();
  for (i = 0; i < made; i++) {
    name_of(name, "empty", i);
    if (unlink(name) != 0) die("unlink", name);
  }
  end("remove", (double)made);
}

static void small_files(void) {
  char name[64];
  long made, i;
  begin();
  for (made = 0; made < files && !time_is_up(made); made++) {
    name_of(name, "small", made);
    int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
    if (fd < 0) die("create", name);
    if (write(fd, buffer, SMALL_FILE_BYTES) != SMALL_FILE_BYTES) die("write", name);
    if (close(fd) != 0) die("close", name);
  }
  end("small_write", (double)made);
  for (i = 0; i < made; i++) {
    name_of(name, "small", i);
    int fd = open(name, O_RDONLY);
    if (fd < 0) die("open", name);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
  }
  begin();
  for (i = 0; i < made && !time_is_up(i); i++) {
    name_of(name, "small", i);
    int fd = open(name, O_RDONLY);
    if (fd < 0) die("open", name);
    if (read(fd, buffer, BLOCK_BYTES) != SMALL_FILE_BYTES) die("read", name);
    close(fd);
  }
  end("small_read", (double)i);
  for (i = 0; i < made; i++) {
    name_of(name, "small", i);
    unlink(name);
  }
}

/* A prime step visits each of fewer blocks once, in an order that no read-ahead foresees. */
static off_t scattered(long i, long blocks) {
  return (off_t)(((uint64_t)i * 1000003u + 7919u) % (uint64_t)blocks) * BLOCK_BYTES;
}

static void drop_pages(int fd) {
  fdatasync(fd);
  posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static void streams_and_blocks(void) {
  long i, done;
  const char *name = "stream";
  int fd = open(name, O_CREAT | O_EXCL | O_RDWR, 0644);
  if (fd < 0) die("create", name);
  begin();
  for (done = 0; done < stream_mib && now() < phase_end; done++) {
    if (pwrite(fd, buffer, STREAM_BYTES, done * STREAM_BYTES) != STREAM_BYTES) die("write", name);
  }
  end("stream_write", (double)done);
  long blocks = done * (STREAM_BYTES / BLOCK_BYTES);
  drop_pages(fd);
  begin();
  for (i = 0; i < done && now() < phase_end; i++) {
    if (pread(fd, buffer, STREAM_BYTES, i * STREAM_BYTES) != STREAM_BYTES) die("read", name);
  }
  end("stream_read", (double)i);
  drop_pages(fd);
  begin();
  for (i = 0; i < blocks && !time_is_up(i); i++) {
    if (pwrite(fd, buffer, BLOCK_BYTES, scattered(i, blocks)) != BLOCK_BYTES) die("write", name);
  }
  end("random_write", (double)i);
  drop_pages(fd);
  posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
  begin();
  for (i = 0; i < blocks && !time_is_up(i); i++) {
    if (pread(fd, buffer, BLOCK_BYTES, scattered(i, blocks)) != BLOCK_BYTES) die("read", name);
  }
  end("random_read", (double)i);
  close(fd);
  if (unlink(name) != 0) die("unlink", name);
}

static void share_barrier(void) {
  pthread_barrierattr_t barrier_attributes;
  pthread_mutexattr_t mutex_attributes;
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) die("map", "shared memory");
  pthread_barrierattr_init(&barrier_attributes);
  pthread_barrierattr_setpshared(&barrier_attributes, PTHREAD_PROCESS_SHARED);
  pthread_barrier_init(&shared->barrier, &barrier_attributes, (unsigned)processes);
  pthread_mutexattr_init(&mutex_attributes);
  pthread_mutexattr_setpshared(&mutex_attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&shared->lock, &mutex_attributes);
}

static void run(void) {
  char directory[64];
  sprintf(directory, "bench%d", process);
  if (mkdir(directory, 0755) != 0) die("mkdir", directory);
  if (chdir(directory) != 0) die("enter", directory);
  buffer = mmap(NULL, STREAM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (buffer == MAP_FAILED) die("map", "buffer");
  for (long i = 0; i < STREAM_BYTES; i++) buffer[i] = (char)(i * 31 + i / 4096 + process);
  empty_files();
  small_files();
  streams_and_blocks();
  if (chdir("..") != 0 || rmdir(directory) != 0) die("remove", directory);
}

int main(int count, char **arguments) {
  if (count < 2 || count > 6) {
    fprintf(stderr, "usage: bench-driver DIRECTORY [processes [files [MiB [seconds]]]]\n");
    return 2;
  }
  if (count > 2) processes = atoi(arguments[2]);
  if (count > 3) files = atol(arguments[3]);
  if (count > 4) stream_mib = atol(arguments[4]);
  if (count > 5) seconds = atof(arguments[5]);
  if (processes < 1 || processes > 1024 || files < 1 || stream_mib < 1 || seconds <= 0) {
    fprintf(stderr, "bench-driver: counts and seconds must be above 0\n");
    return 2;
  }
  if (chdir(arguments[1]) != 0) die("enter", arguments[1]);
  setpgid(0, 0);
  share_barrier();
  for (int p = 1; p < processes; p++) {
    pid_t child = fork();
    if (child < 0) die("fork", "a process");
    if (child == 0) {
      process = p;
      run();
      return 0;
    }
  }
  run();
  int failed = 0;
  for (int p = 1; p < processes; p++) {
    int status;
    if (wait(&status) < 0 || status != 0) failed = 1;
  }
  return failed;
}
