package io.adhocfs.it.posix;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.it.instance.Hosts;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A program of its own that locks, writes and reads files as it is told, one order after the other,
 * and says "ok", what it has read, or the name of the error.
 */
public final class LockProgram implements AutoCloseable {
  private static final int ANSWER_SECONDS_MAX = 60;

  private static final String SOURCE =
      """
      import errno, fcntl, os, signal, struct, sys
      files = {}
      MODES = {'sh': fcntl.F_RDLCK, 'ex': fcntl.F_WRLCK, 'un': fcntl.F_UNLCK}
      FLOCKS = {'sh': fcntl.LOCK_SH, 'ex': fcntl.LOCK_EX, 'un': fcntl.LOCK_UN}
      NAMES = {v: k for k, v in MODES.items()}
      # F_GETLK, F_SETLK, F_SETLKW of processes and of open file descriptions.
      CALLS = {'posix': (5, 6, 7), 'ofd': (36, 37, 38)}
      def interrupted(*_):
          raise OSError(errno.EINTR, 'interrupted')
      signal.signal(signal.SIGUSR1, interrupted)
      def record(mode, start, length):
          return struct.pack('hhqqi4x', MODES[mode], 0, int(start), int(length), 0)
      def run(order):
          what, name, *rest = order
          if what == 'open':
              files[name] = os.open(rest[0], os.O_RDWR | os.O_CREAT)
          elif what == 'dup':
              files[name] = os.dup(files[rest[0]])
          elif what == 'close':
              os.close(files.pop(name))
          elif what == 'append':
              files[name] = os.open(rest[0], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
          elif what == 'unlink':
              os.unlink(name)
          elif what == 'write':
              os.pwrite(files[name], rest[1].encode(), int(rest[0]))
          elif what == 'cut':
              os.ftruncate(files[name], int(rest[0]))
          elif what == 'add':
              data = b'a' * int(rest[0])
              while data:
                  data = data[os.write(files[name], data):]
          elif what == 'fill':
              for i in range(int(rest[0])):
                  os.pwrite(files[name], b'u' * 1048576, i * 1048576)
          elif what == 'storm':
              while True:
                  for i in range(4):
                      os.pwrite(files[name], b'a' * 1048576, i * 1048576)
          elif what == 'read':
              return os.pread(files[name], int(rest[1]), int(rest[0])).decode() or 'nothing'
          elif what == 'tail':
              length = int(rest[0])
              end = os.fstat(files[name]).st_size
              return os.pread(files[name], length, end - length).decode()
          elif what == 'letters':
              found = {}
              offset = 0
              while data := os.pread(files[name], 1048576, offset):
                  offset += len(data)
                  for letter in set(data):
                      found[letter] = found.get(letter, 0) + data.count(letter)
              return ' '.join('%s:%d' % (chr(k) if k else '0', v) for k, v in sorted(found.items()))
          elif what == 'flock':
              fcntl.flock(files[name], FLOCKS[rest[0]] | (0 if 'wait' in rest else fcntl.LOCK_NB))
          elif what == 'test':
              kind, *which = rest
              said = fcntl.fcntl(files[name], CALLS[kind][0], record(*which))
              mode, _, start, length, pid = struct.unpack('hhqqi4x', said)
              if NAMES[mode] != 'un':
                  return '%s %d %d %d' % (NAMES[mode], start, length, pid)
              return 'un'
          else:
              waits = rest[-1] == 'wait'
              fcntl.fcntl(files[name], CALLS[what][2 if waits else 1], record(*rest[:3]))
          return 'ok'
      for line in sys.stdin:
          try:
              answer = run(line.split())
          except OSError as e:
              # Linux has two names for this number, and errorcode knows the last alone.
              answer = 'EDEADLK' if e.errno == errno.EDEADLK else errno.errorcode[e.errno]
          print(answer, flush=True)
      """;

  private final Process process;
  private final PrintStream orders;
  private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();

  /** Starts a program that has a file open under the name f. */
  public LockProgram(Path file) throws IOException, InterruptedException {
    this(file, List.of("python3", "-u", "-c", SOURCE));
  }

  /**
   * Starts a program on a host.
   *
   * @param source where the program itself is put, for the host to find it
   */
  public LockProgram(Hosts hosts, int host, Path source, Path file)
      throws IOException, InterruptedException {
    this(
        file,
        List.of(
            hosts.remoteShell().toString(),
            hosts.address(host),
            "exec python3 -u " + Files.writeString(source, SOURCE)));
  }

  private LockProgram(Path file, List<String> command) throws IOException, InterruptedException {
    process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    orders = new PrintStream(process.getOutputStream(), true, UTF_8);
    var said = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
    Thread.ofVirtual()
        .start(() -> {
          try {
            said.lines().forEach(answers::add);
          } catch (UncheckedIOException e) {
            // The program was killed; whoever waits for an answer will miss it.
          }
        });
    does("open f " + file);
  }

  public long pid() {
    return process.pid();
  }

  /** Gives an order without waiting for its answer. */
  public void begins(String order) {
    orders.println(order);
  }

  /** The next answer. */
  public String answer() throws InterruptedException {
    String answer = answers.poll(ANSWER_SECONDS_MAX, TimeUnit.SECONDS);
    if (answer == null) {
      throw new AssertionError("no answer of process " + process.pid());
    }
    return answer;
  }

  public String says(String order) throws InterruptedException {
    begins(order);
    return answer();
  }

  /** Gives an order and expects that it succeeds. */
  public void does(String order) throws InterruptedException {
    assertThat(says(order)).as(order).isEqualTo("ok");
  }

  /** Expects that the last order is not answered for a while. */
  public void waits() throws InterruptedException {
    assertThat(answers.poll(700, TimeUnit.MILLISECONDS)).as("an answer of one who waits").isNull();
  }

  void signal(String name) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start().waitFor();
  }

  public void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }
}
