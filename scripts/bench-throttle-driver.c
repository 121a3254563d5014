/*
 * Does one thing over and over and tells how often and how fast in each of several windows: what
 * scripts/bench-throttle runs on mounts.
 *
 * usage: bench-throttle-driver write|names DIRECTORY PROCESSES WARM-UP WINDOWS SECONDS
 *   write    1 MiB blocks into a file of each process's own, from its begin again after 64 MiB; a
 *            figure is MB/s
 *   names    sets the times of a file of each process's own: one request about metadata each; a
 *            figure is operations/s
 *   WARM-UP  seconds before the first window
 *   WINDOWS  how many, each of so many SECONDS
 *
 * Prints a line for each window, "window RATE P50 P99" (milliseconds of one call), and "all RATE
 * SECONDS", which counts the warm-up too. Where one call takes longer than a window, its part of it
 * counts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WINDOWS_MAX = 64, BLOCK_BYTES = 1 << 20, BLOCKS = 64, BUCKETS = 400 };

struct window {
  double done;
  long calls[BUCKETS]; /* by duration: bucket b ends at 1.05^b microseconds times ten */
};

struct results {
  struct window windows[WINDOWS_MAX];
  double all;
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what, const char *name) {
  fprintf(stderr, "bench-throttle-driver: %s %s: %s\n", what, name, strerror(errno));
  exit(1);
}

static int bucket(double seconds) {
  double end = 10e-6;
  int b = 0;
  while (b < BUCKETS - 1 && end < seconds) {
    end *= 1.05;
    b++;
  }
  return b;
}

static double milliseconds(const struct window *window, double share) {
  long all = 0, before = 0;
  double end = 10e-3;
  int b;
  for (b = 0; b < BUCKETS; b++) all += window->calls[b];
  for (b = 0; b < BUCKETS; b++, end *= 1.05) {
    before += window->calls[b];
    if (all > 0 && (double)before >= share * (double)all) return end;
  }
  return 0;
}

static void work(int writes, const char *directory, int process, double began, double warm_up,
                 int windows, double seconds, struct results *results) {
  double first = began + warm_up, end = first + windows * seconds, last = now();
  char name[4096], *block = NULL;
  long turn;
  int file;
  snprintf(name, sizeof name, "%s/bench-throttle.%d.%d", directory, getppid(), process);
  file = open(name, O_CREAT | O_RDWR | (writes ? O_DIRECT : 0), 0600);
  if (file < 0) die("cannot make", name);
  if (writes) {
    block = mmap(NULL, BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) die("no memory for", name);
    memset(block, process + 1, BLOCK_BYTES);
  }
  for (turn = 0; last < end; turn++) {
    double ended, from, until;
    int w;
    if (writes) {
      if (pwrite(file, block, BLOCK_BYTES, (turn % BLOCKS) * (off_t)BLOCK_BYTES) != BLOCK_BYTES)
        die("cannot write", name);
    } else {
      struct timespec times[2] = {{turn, 0}, {turn, 0}};
      if (futimens(file, times) != 0) die("cannot set the times of", name);
    }
    ended = now();
    results->all += 1;
    for (w = 0; w < windows; w++) {
      from = first + w * seconds;
      until = from + seconds;
      if (last < until && ended > from)
        results->windows[w].done += ((ended < until ? ended : until) - (last > from ? last : from)) / (ended - last);
      if (ended > from && ended <= until) results->windows[w].calls[bucket(ended - last)]++;
    }
    last = ended;
  }
  unlink(name);
}

int main(int argc, char **argv) {
  struct results *all;
  double began, warm_up, seconds, unit, sum = 0, took;
  int writes, processes, windows, i, w, b, failed = 0;
  if (argc != 7 || (strcmp(argv[1], "write") && strcmp(argv[1], "names"))) {
    fprintf(stderr, "usage: bench-throttle-driver write|names DIRECTORY PROCESSES WARM-UP WINDOWS SECONDS\n");
    return 2;
  }
  writes = !strcmp(argv[1], "write");
  processes = atoi(argv[3]);
  warm_up = atof(argv[4]);
  windows = atoi(argv[5]);
  seconds = atof(argv[6]);
  if (processes < 1 || windows < 1 || windows > WINDOWS_MAX || seconds <= 0) return 2;
  all = mmap(NULL, sizeof *all * (size_t)processes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) die("no memory for", "results");
  began = now();
  for (i = 0; i < processes; i++) {
    pid_t child = fork();
    if (child < 0) die("cannot fork for", argv[2]);
    if (child == 0) {
      work(writes, argv[2], i, began, warm_up, windows, seconds, &all[i]);
      exit(0);
    }
  }
  for (i = 0; i < processes; i++) {
    int status;
    if (wait(&status) < 0 || status != 0) failed = 1;
  }
  took = now() - began;
  if (failed) return 1;
  unit = writes ? BLOCK_BYTES / 1e6 : 1;
  for (i = 0; i < processes; i++) sum += all[i].all;
  for (w = 0; w < windows; w++) {
    struct window together;
    memset(&together, 0, sizeof together);
    for (i = 0; i < processes; i++) {
      together.done += all[i].windows[w].done;
      for (b = 0; b < BUCKETS; b++) together.calls[b] += all[i].windows[w].calls[b];
    }
    printf("window %.2f %.3f %.3f\n", together.done * unit / seconds, milliseconds(&together, 0.5), milliseconds(&together, 0.99));
  }
  printf("all %.2f %.3f\n", sum * unit / took, took);
  return 0;
}
