package io.adhocfs.cli.arguments;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * The arguments as bytes. The JVM decodes arguments by the locale and loses bytes that do not fit,
 * so this class reads the arguments from the kernel instead. Each byte becomes the character of the
 * same number (ISO 8859-1): an argument passes through any parser as a String and loses nothing.
 */
public final class RawArguments {
  private static final Path COMMAND_LINE = Path.of("/proc/self/cmdline");

  private RawArguments() {}

  /** The raw arguments of this process; {@code decoded} are the arguments that main got. */
  public static String[] ofThisProcess(String[] decoded) {
    try {
      return of(decoded, Files.readAllBytes(COMMAND_LINE));
    } catch (IOException e) {
      return of(decoded, new byte[0]);
    }
  }

  /**
   * The last arguments of a command line, as many as main got. If the command line does not contain
   * them (it may have been cut or overwritten), the decoded arguments are used.
   *
   * @param commandLine each argument ends with a NUL byte, as in proc_pid_cmdline(5)
   */
  static String[] of(String[] decoded, byte[] commandLine) {
    var raw = new String[decoded.length];
    int end = commandLine.length;
    for (int i = decoded.length - 1; i >= 0; i--) {
      if (end <= 0 || commandLine[end - 1] != 0) {
        return fallback(decoded);
      }
      int start = end - 1;
      while (start > 0 && commandLine[start - 1] != 0) {
        start--;
      }
      raw[i] = new String(commandLine, start, end - 1 - start, ISO_8859_1);
      if (isAscii(decoded[i]) && !isDecoded(raw[i], decoded[i])) {
        return fallback(decoded);
      }
      end = start;
    }
    return raw;
  }

  private static String[] fallback(String[] decoded) {
    return Arrays.stream(decoded)
        .map(argument -> new String(argument.getBytes(UTF_8), ISO_8859_1))
        .toArray(String[]::new);
  }

  /**
   * Whether the JVM decodes {@code raw} to {@code ascii}. In the C locale, it puts a question mark
   * for each byte that is not ASCII.
   */
  private static boolean isDecoded(String raw, String ascii) {
    if (raw.length() != ascii.length()) {
      return false;
    }
    for (int i = 0; i < raw.length(); i++) {
      char byteValue = raw.charAt(i);
      if (ascii.charAt(i) != (byteValue < 0x80 ? byteValue : '?')) {
        return false;
      }
    }
    return true;
  }

  private static boolean isAscii(String text) {
    return text.chars().allMatch(c -> c < 0x80);
  }

  /** The bytes of a raw argument. */
  public static byte[] bytes(String raw) {
    return raw.getBytes(ISO_8859_1);
  }

  /** A raw argument as text, for names and values that are not paths. */
  public static String text(String raw) {
    return new String(bytes(raw), UTF_8);
  }
}
