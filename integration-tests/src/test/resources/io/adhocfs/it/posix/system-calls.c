/*
 * Performs system calls, as the user that a line names, and prints what they return.
 *
 * Each line of standard input is a chain of calls separated by " | ". It may begin with
 * uid:gid[,gid...]: then the chain runs in a child with these ids and these groups alone, else here
 * as root. For each line one line is printed: the results of the chain separated by " | "; a result
 * is 0, or a value, or the name of the errno. Descriptors are named by the order of the opens since
 * "begin", from 0 on; those of a child end with it.
 */
#define _GNU_SOURCE
#include "system-calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define TEXT_MAX (1 << 18)
#define FILES_MAX 64
#define SNAPS_MAX 26

static int files[FILES_MAX];
static int files_count;
static struct stat snaps[SNAPS_MAX];
static char answer[TEXT_MAX];
static char buffer[TEXT_MAX] __attribute__((aligned(4096))); /* As O_DIRECT wants it. */

static const struct { const char *name; int value; } flag_names[] = {
  {"O_RDONLY", O_RDONLY}, {"O_WRONLY", O_WRONLY}, {"O_RDWR", O_RDWR}, {"O_CREAT", O_CREAT},
  {"O_EXCL", O_EXCL}, {"O_TRUNC", O_TRUNC}, {"O_APPEND", O_APPEND}, {"O_NONBLOCK", O_NONBLOCK},
  {"O_NOFOLLOW", O_NOFOLLOW}, {"O_DIRECTORY", O_DIRECTORY}, {"O_PATH", O_PATH},
  {"O_TMPFILE", O_TMPFILE}, {"O_DIRECT", O_DIRECT}, {"O_SYNC", O_SYNC}, {"O_NOATIME", O_NOATIME}, {NULL, 0}};

static int open_flags(char *text) {
  int flags = 0;
  char *rest = NULL;
  for (char *one = strtok_r(text, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
    int i = 0;
    while (flag_names[i].name && strcmp(flag_names[i].name, one)) i++;
    if (!flag_names[i].name) {
      fprintf(stderr, "no flag %s\n", one);
      exit(2);
    }
    flags |= flag_names[i].value;
  }
  return flags;
}

int file(const char *text) {
  int index = atoi(text);
  return index >= 0 && index < files_count ? files[index] : -1;
}

int keep(int descriptor) {
  if (descriptor < 0) return -1;
  if (files_count == FILES_MAX) exit(2);
  files[files_count++] = descriptor;
  return 0;
}

static mode_t type_of(const char *name) {
  if (!strcmp(name, "regular")) return S_IFREG;
  if (!strcmp(name, "fifo")) return S_IFIFO;
  if (!strcmp(name, "socket")) return S_IFSOCK;
  if (!strcmp(name, "block")) return S_IFBLK;
  if (!strcmp(name, "character")) return S_IFCHR;
  if (!strcmp(name, "directory")) return S_IFDIR;
  fprintf(stderr, "no type %s\n", name);
  exit(2);
}

static const char *type_name(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return "regular";
    case S_IFIFO: return "fifo";
    case S_IFSOCK: return "socket";
    case S_IFBLK: return "block";
    case S_IFCHR: return "character";
    case S_IFDIR: return "directory";
    case S_IFLNK: return "symlink";
    default: return "?";
  }
}

/* Something of each type: make TYPE PATH MODE. */
static int make(const char *type, const char *path, mode_t mode) {
  if (!strcmp(type, "directory")) return mkdir(path, mode);
  if (!strcmp(type, "symlink")) return symlink("nowhere", path);
  return mknod(path, type_of(type) | mode, makedev(1, 7));
}

static void describe(const struct stat *s, char *fields, char *out) {
  char *rest = NULL;
  *out = 0;
  for (char *one = strtok_r(fields, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
    char *end = out + strlen(out);
    if (end != out) *end++ = ',';
    if (!strcmp(one, "type")) sprintf(end, "%s", type_name(s->st_mode));
    else if (!strcmp(one, "mode")) sprintf(end, "0%03o", s->st_mode & 07777);
    else if (!strcmp(one, "uid")) sprintf(end, "%d", (int)s->st_uid);
    else if (!strcmp(one, "gid")) sprintf(end, "%d", (int)s->st_gid);
    else if (!strcmp(one, "nlink")) sprintf(end, "%lu", (unsigned long)s->st_nlink);
    else if (!strcmp(one, "size")) sprintf(end, "%lld", (long long)s->st_size);
    else if (!strcmp(one, "rdev")) sprintf(end, "%d:%d", major(s->st_rdev), minor(s->st_rdev));
    else if (!strcmp(one, "atime"))
      sprintf(end, "%lld.%09ld", (long long)s->st_atim.tv_sec, s->st_atim.tv_nsec);
    else if (!strcmp(one, "mtime"))
      sprintf(end, "%lld.%09ld", (long long)s->st_mtim.tv_sec, s->st_mtim.tv_nsec);
    else exit(2);
  }
}

static int differs(struct timespec a, struct timespec b) {
  return a.tv_sec != b.tv_sec || a.tv_nsec != b.tv_nsec;
}

/* Until the clock that a local file system takes its times from has moved. */
static int tick(void) {
  struct timespec start, now, pause = {0, 500000};
  clock_gettime(CLOCK_REALTIME_COARSE, &start);
  do {
    nanosleep(&pause, NULL);
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
  } while (!differs(start, now));
  return 0;
}

static struct timespec time_of(const char *text) {
  struct timespec t = {0, 0};
  if (!strcmp(text, "now")) t.tv_nsec = UTIME_NOW;
  else if (!strcmp(text, "omit")) t.tv_nsec = UTIME_OMIT;
  else {
    const char *point = strchr(text, '.');
    t.tv_sec = atoll(text);
    if (point) t.tv_nsec = atol(point + 1);
  }
  return t;
}

static size_t value_of(const char *text, char *out) {
  if (*text == '@') {
    size_t length = strtoul(text + 1, NULL, 10);
    memset(out, 'v', length);
    return length;
  }
  strcpy(out, text);
  return strlen(text);
}

static int socket_at(const char *path, int serve) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char byte = 'x';
  int result = -1, client = -1, peer = -1;
  int server = socket(AF_UNIX, SOCK_STREAM, 0);
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  if (bind(server, (struct sockaddr *)&address, sizeof address) == 0) {
    result = 0;
    if (serve) {
      result = -1;
      client = socket(AF_UNIX, SOCK_STREAM, 0);
      if (listen(server, 1) == 0
          && connect(client, (struct sockaddr *)&address, sizeof address) == 0
          && (peer = accept(server, NULL, NULL)) >= 0 && write(client, &byte, 1) == 1
          && read(peer, &byte, 1) == 1)
        result = 0;
    }
  }
  int error = errno;
  close(server);
  if (client >= 0) close(client);
  if (peer >= 0) close(peer);
  errno = error;
  return result;
}

static int through_fifo(const char *path) {
  char bytes[4];
  int both = open(path, O_RDWR);
  if (both < 0) return -1;
  int result = write(both, "ping", 4) == 4 && read(both, bytes, 4) == 4 ? 0 : -1;
  close(both);
  return result;
}

static int compare(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sorted_list(char **names, int count, char *out) {
  qsort(names, count, sizeof *names, compare);
  *out = 0;
  for (int i = 0; i < count; i++) {
    if (i) strcat(out, ",");
    strcat(out, names[i]);
  }
  if (!count) strcpy(out, "none");
}

static int list_directory(const char *path, char *out) {
  static char *names[1024];
  int count = 0;
  DIR *directory = opendir(path);
  if (!directory) return -1;
  for (struct dirent *e; count < 1024 && (e = readdir(directory));)
    if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) names[count++] = strdup(e->d_name);
  closedir(directory);
  sorted_list(names, count, out);
  for (int i = 0; i < count; i++) free(names[i]);
  return 0;
}

static int list_attributes(ssize_t length, char *out) {
  static char *names[1024];
  int count = 0;
  if (length < 0) return -1;
  for (char *n = buffer; n < buffer + length && count < 1024; n += strlen(n) + 1)
    if (strncmp(n, "security.selinux", 16)) names[count++] = n;
  sorted_list(names, count, out);
  return 0;
}

#define IS(name, args) (!strcmp(a[0], name) && n == (args) + 1)
#define MODE(i) ((mode_t)strtoul(a[i], NULL, 8))
#define NUMBER(i) strtoll(a[i], NULL, 10)

/* One call: 0 or -1 and errno; the text of other answers goes into out. */
static int call(char **a, int n, char *out) {
  struct stat s;
  *out = 0;
  if (IS("begin", 1)) {
    for (int i = 0; i < files_count; i++) close(files[i]);
    files_count = 0;
    umask(0);
    return chdir(a[1]);
  }
  if (IS("tick", 0)) return tick();
  if (IS("make", 3)) return make(a[1], a[2], MODE(3));
  if (IS("create", 2)) {
    int made = open(a[1], O_CREAT | O_EXCL | O_WRONLY, MODE(2));
    return made < 0 ? -1 : close(made);
  }
  if (IS("open", 2)) return keep(open(a[1], open_flags(a[2])));
  if (IS("open", 3)) return keep(open(a[1], open_flags(a[2]), MODE(3)));
  if (IS("close", 1)) return close(file(a[1]));
  if (IS("mkdir", 2)) return mkdir(a[1], MODE(2));
  if (IS("rmdir", 1)) return rmdir(a[1]);
  if (IS("unlink", 1)) return unlink(a[1]);
  if (IS("unlinkdir", 1)) return unlinkat(AT_FDCWD, a[1], AT_REMOVEDIR);
  if (IS("remove", 1)) return remove(a[1]);
  if (IS("link", 2)) return link(a[1], a[2]);
  if (IS("symlink", 2)) return symlink(a[1], a[2]);
  if (IS("rename", 2)) return rename(a[1], a[2]);
  if (IS("rename", 3))
    return renameat2(AT_FDCWD, a[1], AT_FDCWD, a[2],
        !strcmp(a[3], "noreplace") ? RENAME_NOREPLACE
        : !strcmp(a[3], "exchange") ? RENAME_EXCHANGE
        : !strcmp(a[3], "both") ? RENAME_NOREPLACE | RENAME_EXCHANGE : 64);
  if (IS("mkfifo", 2)) return mkfifo(a[1], MODE(2));
  if (IS("mknod", 3)) return mknod(a[1], type_of(a[2]) | MODE(3), 0);
  if (IS("mknod", 5)) return mknod(a[1], type_of(a[2]) | MODE(3), makedev(NUMBER(4), NUMBER(5)));
  if (IS("bind", 1)) return socket_at(a[1], 0);
  if (IS("serve", 1)) return socket_at(a[1], 1);
  if (IS("fifo", 1)) return through_fifo(a[1]);
  if (IS("chmod", 2)) return chmod(a[1], MODE(2));
  if (IS("fchmod", 2)) return fchmod(file(a[1]), MODE(2));
  if (IS("chown", 3)) return chown(a[1], NUMBER(2), NUMBER(3));
  if (IS("lchown", 3)) return lchown(a[1], NUMBER(2), NUMBER(3));
  if (IS("fchown", 3)) return fchown(file(a[1]), NUMBER(2), NUMBER(3));
  if (IS("truncate", 2)) return truncate(a[1], NUMBER(2));
  if (IS("ftruncate", 2)) return ftruncate(file(a[1]), NUMBER(2));
  if (IS("chdir", 1)) return chdir(a[1]);
  if (IS("umask", 1)) return umask(MODE(1)), 0;
  if (IS("fsync", 1)) return fsync(file(a[1]));
  if (IS("utimens", 3) || IS("lutimens", 3)) {
    struct timespec t[2] = {time_of(a[2]), time_of(a[3])};
    return utimensat(AT_FDCWD, a[1], t, *a[0] == 'l' ? AT_SYMLINK_NOFOLLOW : 0);
  }
  if (IS("futimens", 3)) {
    struct timespec t[2] = {time_of(a[2]), time_of(a[3])};
    return futimens(file(a[1]), t);
  }
  if (IS("utimes-now", 1)) return utimensat(AT_FDCWD, a[1], NULL, 0);
  if (IS("access", 2)) {
    int wanted = 0;
    for (char *c = a[2]; *c; c++) wanted |= *c == 'r' ? R_OK : *c == 'w' ? W_OK : *c == 'x' ? X_OK : 0;
    return faccessat(AT_FDCWD, a[1], wanted, AT_EACCESS);
  }
  if (IS("stat", 2) || IS("lstat", 2) || IS("fstat", 2)) {
    int r = *a[0] == 's' ? stat(a[1], &s) : *a[0] == 'l' ? lstat(a[1], &s) : fstat(file(a[1]), &s);
    if (r == 0) describe(&s, a[2], out);
    return r;
  }
  if (IS("snap", 2)) return lstat(a[2], &snaps[(*a[1] - 'a') % SNAPS_MAX]);
  if (IS("moved", 2)) {
    struct stat *before = &snaps[(*a[1] - 'a') % SNAPS_MAX];
    if (lstat(a[2], &s)) return -1;
    sprintf(out, "%s%s%s", differs(before->st_atim, s.st_atim) ? "a" : "",
        differs(before->st_mtim, s.st_mtim) ? "m" : "", differs(before->st_ctim, s.st_ctim) ? "c" : "");
    if (!*out) strcpy(out, "none");
    return 0;
  }
  if (IS("same", 2)) {
    struct stat other;
    if (lstat(a[1], &s) || lstat(a[2], &other)) return -1;
    strcpy(out, s.st_ino == other.st_ino && s.st_dev == other.st_dev ? "yes" : "no");
    return 0;
  }
  if (IS("readlink", 1)) {
    ssize_t length = readlink(a[1], out, 4096);
    if (length >= 0) out[length] = 0;
    return length < 0 ? -1 : 0;
  }
  if (IS("list", 1)) return list_directory(a[1], out);
  if (IS("write", 2)) {
    size_t length = value_of(a[2], buffer);
    if (!strcmp(a[2], "@0")) length = 0;
    return write(file(a[1]), buffer, length) == (ssize_t)length ? 0 : -1;
  }
  if (IS("read", 2)) {
    ssize_t length = read(file(a[1]), out, NUMBER(2));
    if (length >= 0) out[length] = 0;
    if (length == 0) strcpy(out, "end");
    return length < 0 ? -1 : 0;
  }
  if (IS("seek", 2)) return lseek(file(a[1]), NUMBER(2), SEEK_SET) < 0 ? -1 : 0;
  if (IS("content", 1)) {
    int opened = open(a[1], O_RDONLY);
    if (opened < 0) return -1;
    ssize_t length = read(opened, out, 4096);
    if (length >= 0) out[length] = 0;
    if (length == 0) strcpy(out, "nothing");
    close(opened);
    return length < 0 ? -1 : 0;
  }
  if (IS("fill", 2)) {
    int opened = open(a[1], O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (opened < 0) return -1;
    size_t length = value_of(a[2], buffer);
    int r = write(opened, buffer, length) == (ssize_t)length ? 0 : -1;
    return close(opened) < 0 ? -1 : r;
  }
  if (IS("namemax", 1)) {
    struct statfs f;
    int r = statfs(a[1], &f);
    if (r == 0) sprintf(out, "%ld", (long)f.f_namelen);
    return r;
  }
  if (IS("setxattr", 3) || IS("lsetxattr", 3) || IS("setxattr", 4)) {
    size_t length = value_of(a[3], buffer);
    int flags = n < 5 ? 0 : !strcmp(a[4], "create") ? XATTR_CREATE
        : !strcmp(a[4], "replace") ? XATTR_REPLACE : 8;
    return *a[0] == 'l' ? lsetxattr(a[1], a[2], buffer, length, flags)
                        : setxattr(a[1], a[2], buffer, length, flags);
  }
  if (IS("getxattr", 2) || IS("lgetxattr", 2) || IS("getxattr", 3)) {
    size_t size = n < 4 ? 4096 : strtoul(a[3], NULL, 10);
    ssize_t length = *a[0] == 'l' ? lgetxattr(a[1], a[2], buffer, size)
                                  : getxattr(a[1], a[2], buffer, size);
    if (length < 0) return -1;
    if (n > 3) sprintf(out, "%zd", length);
    else if (length == 0) strcpy(out, "empty");
    else sprintf(out, "%.*s", (int)length, buffer);
    return 0;
  }
  if (IS("listxattr", 1)) return list_attributes(listxattr(a[1], buffer, 65536), out);
  if (IS("llistxattr", 1)) return list_attributes(llistxattr(a[1], buffer, 65536), out);
  if (IS("listxattr", 2)) {
    ssize_t length = listxattr(a[1], buffer, strtoul(a[2], NULL, 10));
    if (length >= 0) sprintf(out, "%zd", length);
    return length < 0 ? -1 : 0;
  }
  if (IS("removexattr", 2)) return removexattr(a[1], a[2]);
  if (IS("lremovexattr", 2)) return lremovexattr(a[1], a[2]);
  return linux_call(a, n, out);
}

static void run_chain(char *line, FILE *to) {
  char *rest = NULL;
  char *words[16];
  int count = 0, first = 1;
  for (char *word = strtok_r(line, " ", &rest);; word = strtok_r(NULL, " ", &rest)) {
    if (word && strcmp(word, "|")) {
      if (count == 15) exit(2);
      words[count++] = strcmp(word, "{empty}") ? word : "";
      continue;
    }
    if (count) {
      words[count] = NULL;
      int result = call(words, count, answer);
      const char *text = result < 0 ? strerrorname_np(errno) : *answer ? answer : "0";
      fprintf(to, "%s%s", first ? "" : " | ", text ? text : "?");
      first = 0;
      count = 0;
    }
    if (!word) break;
  }
  fputc('\n', to);
  fflush(to);
}

static void become(char *ids) {
  gid_t groups[32];
  int count = 0;
  char *rest = NULL;
  uid_t uid = strtoul(strtok_r(ids, ":", &rest), NULL, 10);
  for (char *g = strtok_r(NULL, ",", &rest); g && count < 32; g = strtok_r(NULL, ",", &rest))
    groups[count++] = strtoul(g, NULL, 10);
  if (setgroups(count, groups) || setresgid(groups[0], groups[0], groups[0])
      || setresuid(uid, uid, uid)) {
    perror("becoming another user");
    exit(2);
  }
}

int main(void) {
  static char line[TEXT_MAX];
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    char *calls = strchr(line, ' ');
    char *colon = strchr(line, ':');
    if (colon && calls && colon < calls && line[0] >= '0' && line[0] <= '9') {
      *calls++ = 0;
      fflush(stdout);
      pid_t child = fork();
      if (child == 0) {
        become(line);
        run_chain(calls, stdout);
        _exit(0);
      }
      int status;
      if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0) {
        fprintf(stderr, "the child of \"%s\" failed\n", calls);
        return 2;
      }
    } else {
      run_chain(line, stdout);
    }
  }
  return 0;
}
