package io.adhocfs.cli.process;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Another host, reached by a command such as {@code ssh {host}}. The command gets one further
 * argument: a command line in the syntax of sh.
 */
public final class RemoteHost {
  private static final String HOST = "{host}";

  private final String host;
  private final List<String> reach;

  private RemoteHost(String host, List<String> reach) {
    this.host = host;
    this.reach = reach;
  }

  /**
   * A host behind a command.
   *
   * @param template words, in which {host} is replaced; quotes ' and " keep blanks in a word
   * @throws IllegalArgumentException for a template without words or with an open quote
   */
  public static RemoteHost of(String template, String host) {
    List<String> reach = new ArrayList<>();
    for (String word : words(template)) {
      reach.add(word.replace(HOST, host));
    }
    if (reach.isEmpty()) {
      throw new IllegalArgumentException(
          "remote.start is empty: give a command such as ssh {host}");
    }
    return new RemoteHost(host, reach);
  }

  public String name() {
    return host;
  }

  /**
   * Whether a process there ends with the command that started it, as with srun, whose processes
   * end with their step. Such a process has to stay in the foreground.
   */
  public boolean endsWithItsCommand() {
    return Path.of(reach.getFirst()).getFileName().toString().equals("srun");
  }

  /**
   * Runs this program on the host with these arguments, and waits for its end.
   *
   * @param input the program's standard input
   * @param patience how long the program may write nothing, to its error stream either
   * @return the program's standard output
   * @throws FsException UNREACHABLE with the program's error stream, TIMED_OUT if the program wrote
   *     nothing for too long
   */
  public String run(List<String> arguments, byte[] input, Duration patience) throws FsException {
    Path errors = null;
    Path output = null;
    try {
      errors = Files.createTempFile("adhocfs-remote-", ".err");
      output = Files.createTempFile("adhocfs-remote-", ".out");
      Process process =
          new ProcessBuilder(commandLine(arguments))
              .redirectError(errors.toFile())
              .redirectOutput(output.toFile())
              .start();
      try (OutputStream stdin = process.getOutputStream()) {
        stdin.write(input);
      } catch (IOException e) {
        // The program ended without reading: its exit code and its errors say why.
      }
      if (!awaitEnd(process, errors, patience)) {
        process.destroyForcibly();
        throw new FsException(
            FsError.TIMED_OUT,
            "host "
                + host
                + ": '"
                + String.join(" ", reach)
                + "' has printed nothing for "
                + patience.toSeconds()
                + " s");
      }
      if (process.exitValue() != 0) {
        throw new FsException(
            FsError.UNREACHABLE,
            "host "
                + host
                + ": '"
                + String.join(" ", reach)
                + "' ended with exit code "
                + process.exitValue()
                + ": "
                + ServiceProcess.lastLines(errors, 3));
      }
      return Files.readString(output);
    } catch (FsException e) {
      throw e;
    } catch (IOException e) {
      throw new FsException(
          FsError.UNREACHABLE,
          "host " + host + ": cannot run '" + reach.getFirst() + "': " + e.getMessage(),
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new FsException(FsError.INTERRUPTED, "interrupted while waiting for host " + host, e);
    } finally {
      delete(errors);
      delete(output);
    }
  }

  /**
   * Waits for the end as long as the process writes something now and then; false if it has fallen
   * silent.
   */
  private static boolean awaitEnd(Process process, Path errors, Duration patience)
      throws IOException, InterruptedException {
    long said = 0;
    do {
      said = Files.size(errors);
      if (process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
        return true;
      }
    } while (Files.size(errors) > said);
    return false;
  }

  /**
   * Starts a process of this program on the host that ends with the command, and waits for the
   * first line of JSON in its output, as long as the command lives. No other process stays beside
   * it.
   *
   * @param heapBytesMax the largest size of the process's heap
   * @param environment the variables of the process
   * @param inputFile the file for its standard input
   * @param log where its output goes
   * @param notes told what a long wait is for
   */
  String startAttached(
      long heapBytesMax,
      List<String> arguments,
      Map<String, String> environment,
      Path inputFile,
      Path log,
      Consumer<String> notes)
      throws FsException {
    var line = new StringBuilder();
    environment.forEach(
        (name, value) -> line.append(name).append('=').append(quoted(value)).append(' '));
    line.append("exec");
    for (String word : JavaCommand.ofService(heapBytesMax, arguments)) {
      line.append(' ').append(quoted(word));
    }
    ServiceProcess process =
        ServiceProcess.start(reached(line.toString()), log, new File(inputFile.toString()));
    var waiting = new LongWait("host " + host + ": see " + log, notes);
    while (true) {
      boolean alive = process.isAlive();
      for (String said : process.said()) {
        if (said.startsWith("{") && said.endsWith("}")) {
          return said;
        }
      }
      if (!alive) {
        throw process.ended("host " + host + ": '" + String.join(" ", reach) + "'");
      }
      waiting.pause();
    }
  }

  private List<String> commandLine(List<String> arguments) {
    var line = new StringBuilder("ADHOCFS_BUILD=never JAVA_HOME=");
    line.append(quoted(System.getProperty("java.home")));
    line.append(" exec ").append(quoted(JavaCommand.launcher()));
    for (String argument : arguments) {
      line.append(' ').append(quoted(argument));
    }
    return reached(line.toString());
  }

  private List<String> reached(String line) {
    List<String> command = new ArrayList<>(reach);
    command.add(line);
    return command;
  }

  /** The word, quoted so that sh takes it unchanged. */
  static String quoted(String word) {
    return word.matches("[A-Za-z0-9_./=:@%+-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
  }

  /** Splits at blanks outside quotes. */
  static List<String> words(String text) {
    List<String> words = new ArrayList<>();
    StringBuilder word = null;
    char quote = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (quote != 0) {
        if (c == quote) {
          quote = 0;
        } else if (word != null) {
          word.append(c);
        }
      } else if (c == '\'' || c == '"') {
        quote = c;
        word = word == null ? new StringBuilder() : word;
      } else if (c == ' ' || c == '\t') {
        if (word != null) {
          words.add(word.toString());
          word = null;
        }
      } else {
        word = word == null ? new StringBuilder() : word;
        word.append(c);
      }
    }
    if (quote != 0) {
      throw new IllegalArgumentException("an open " + quote + " in '" + text + "'");
    }
    if (word != null) {
      words.add(word.toString());
    }
    return words;
  }

  private static void delete(@org.jspecify.annotations.Nullable Path file) {
    if (file != null) {
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        // A small file stays in the directory for temporary files, which does no harm.
      }
    }
  }

  @Override
  public String toString() {
    return host;
  }

  /** The bytes of a text, for {@link #run}. */
  static byte[] input(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
