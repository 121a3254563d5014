package io.adhocfs.fuse;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.Job;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Finds the originator of a mount's requests: the user whose program asks and, for limits and
 * statistics, a job. In a mount that belongs to a job, all requests belong to this job, and the
 * environment of a program says to which of its steps; in a shared mount, the environment says to
 * which job. Thread-safe.
 */
public final class Callers {
  private static final int KNOWN_MAX = 4096;

  /**
   * A result is believed for this long at most, since the number of a process may pass to another
   * process after a while.
   */
  private static final long BELIEVED_NANOS_MAX = 5_000_000_000L;

  /**
   * A process that has begun no program since its fork has its parent's environment, and may be
   * opening files for its parent (such as a shell's redirections) before it begins its own program.
   * So for this long after such a process is first seen, it is looked at each time. From then on,
   * as for other processes from the start, a result is believed for as long as the process has been
   * known.
   */
  private static final long FORKED_NANOS = 10_000_000L;

  /**
   * A result is believed for no longer at first, since a program may begin another in its own
   * place.
   */
  private static final long BELIEVED_NANOS_MIN = 1_000_000L;

  /** PF_FORKNOEXEC. */
  private static final long FORKED_FLAG = 0x40;

  private static final int READERS_MAX = 4;
  private static final long READ_MILLIS_MAX = 500;

  /**
   * What the files of a process in /proc say.
   *
   * @param isForked whether the process has begun no program of its own
   */
  private record Seen(Job job, boolean isForked) {}

  private record Known(Seen seen, long firstNanos, long sinceNanos) {
    Job job() {
      return seen.job();
    }

    boolean isBelieved(long nowNanos) {
      long age = sinceNanos - firstNanos;
      return nowNanos - sinceNanos < Math.clamp(age, BELIEVED_NANOS_MIN, BELIEVED_NANOS_MAX)
          && (!seen.isForked() || age > FORKED_NANOS);
    }
  }

  private final AdhocFileSystem client;
  private final Job own;
  private final Map<Integer, Known> jobs =
      Collections.synchronizedMap(
          new LinkedHashMap<>(16, 0.75f, true) {
            @Override
            protected boolean removeEldestEntry(Map.Entry<Integer, Known> eldest) {
              return size() > KNOWN_MAX;
            }
          });

  /**
   * The threads that read environments. The kernel shows no environment of a process that is
   * changing its memory or its program until the change is done, and the change may wait for the
   * very request that is being answered.
   */
  private final ThreadPoolExecutor readers =
      new ThreadPoolExecutor(
          0,
          READERS_MAX,
          10,
          TimeUnit.SECONDS,
          new SynchronousQueue<>(),
          work -> {
            var thread = new Thread(work, "adhocfs-environment");
            thread.setDaemon(true);
            return thread;
          });

  /**
   * @param own the mount's job; {@link Job#NONE} if many jobs share the mount
   */
  public Callers(AdhocFileSystem client, Job own) {
    this.client = client;
    this.own = own;
  }

  /** Begins the work that a caller asks for. */
  void run(Caller caller, Runnable work) {
    run(caller, own.step().isEmpty() ? jobOf(caller.pid()) : own, work);
  }

  /**
   * Begins the work that a caller asks for while it closes a file. The caller's environment is not
   * read: a program that begins another (execve) closes files while its environment cannot be seen.
   */
  void runClosing(Caller caller, Runnable work) {
    Known known = own.step().isEmpty() ? jobs.get(caller.pid()) : null;
    run(caller, known == null ? own : known.job(), work);
  }

  private void run(Caller caller, Job found, Runnable work) {
    boolean isOwn = !own.id().isEmpty() && !own.id().equals(found.id());
    var _ =
        client.onBehalfOf(
            isOwn ? own : found,
            caller.uid(),
            () -> {
              work.run();
              return true;
            });
  }

  private Job jobOf(int process) {
    if (process == 0) {
      return Job.NONE; // The kernel itself, or a process in another namespace.
    }
    long now = System.nanoTime();
    Known known = jobs.get(process);
    if (known != null && known.isBelieved(now)) {
      return known.job();
    }
    if (known != null && now - known.sinceNanos() > 2 * BELIEVED_NANOS_MAX) {
      known = null;
    }
    Seen seen = look(process);
    if (seen != null) {
      known = new Known(seen, known == null ? now : known.firstNanos(), now);
    } else {
      // The next requests must not wait as long.
      known =
          new Known(
              known == null ? new Seen(Job.NONE, false) : known.seen(),
              now - BELIEVED_NANOS_MAX,
              now);
    }
    jobs.put(process, known);
    return known.job();
  }

  /** Reads the files of a process in /proc; null if they cannot be read now. */
  private @Nullable Seen look(int process) {
    Future<Seen> read;
    try {
      read = readers.submit(() -> read(process));
    } catch (RejectedExecutionException e) {
      return null;
    }
    try {
      return read.get(READ_MILLIS_MAX, TimeUnit.MILLISECONDS);
    } catch (TimeoutException | ExecutionException e) {
      return null;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return null;
    }
  }

  /**
   * The environment of a process is the one with which its program, or an ancestor's program, was
   * begun.
   */
  private static Seen read(int process) throws IOException {
    // Read first: if the process begins a program meanwhile, it is only looked at once more.
    boolean isForked = isForked(text(process, "stat"));
    Map<String, String> environment = new HashMap<>();
    for (String entry : text(process, "environ").split("\0", -1)) {
      int equals = entry.indexOf('=');
      if (equals > 0) {
        environment.put(entry.substring(0, equals), entry.substring(equals + 1));
      }
    }
    return new Seen(Job.of(environment), isForked);
  }

  /** Whether a process has begun no program since its fork, by the kernel's flag for that. */
  static boolean isForked(String stat) {
    // proc_pid_stat(5): the name may have blanks and brackets; the flags are the seventh behind it.
    String[] fields = stat.substring(stat.lastIndexOf(')') + 1).strip().split(" ", -1);
    return fields.length > 6 && (Long.parseLong(fields[6]) & FORKED_FLAG) != 0;
  }

  private static String text(int process, String file) throws IOException {
    Path path = Path.of("/proc", Integer.toString(process), file);
    return new String(Files.readAllBytes(path), StandardCharsets.ISO_8859_1);
  }
}
