package io.adhocfs.client.transfer;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The name under which a copy lies beside its final name until it is whole. The name says which
 * process makes the copy, so that another run can tell what an ended process has left behind from
 * what a live one is still writing.
 *
 * @param place of the process: a boot of a host and, on it, a namespace of process ids
 * @param startTicks when the process started, in the kernel's ticks since the boot: a process id
 *     alone is given out again
 * @param number what tells the copies of one process apart
 */
record TemporaryName(int place, long processId, long startTicks, long number) {
  /**
   * What another host's process has not written for so long is left behind: nobody here can ask
   * whether that process lives. Should it live all the same, its own rename finds nothing and it
   * reports that file as not copied.
   */
  static final Duration ABANDONED_AFTER = Duration.ofDays(1);

  private static final String PREFIX = ".adhocfs-copy-";
  private static final Pattern FORM =
      Pattern.compile(
          Pattern.quote(PREFIX) + "([0-9a-f]{8})-([0-9]{1,18})-([0-9]{1,18})-([0-9]{1,18})");

  private static final int THIS_PLACE = placeOfThisProcess();
  private static final long THIS_PROCESS = ProcessHandle.current().pid();
  private static final long THIS_START = startTicksOf(THIS_PROCESS);

  /** The name of a copy that this process makes. */
  static TemporaryName ofThisProcess(long number) {
    return new TemporaryName(THIS_PLACE, THIS_PROCESS, THIS_START, number);
  }

  /** Whether this is the name of a copy that is not whole, or was not when its process ended. */
  static boolean is(byte[] name) {
    return parse(name) != null;
  }

  /** The parts of such a name; null where it is another one. */
  static @Nullable TemporaryName parse(byte[] name) {
    // Of a million names in a directory hardly any begins with a dot.
    if (name.length < PREFIX.length() || name[0] != '.') {
      return null;
    }
    Matcher parts = FORM.matcher(new String(name, US_ASCII));
    return parts.matches()
        ? new TemporaryName(
            Integer.parseUnsignedInt(parts.group(1), 16),
            Long.parseLong(parts.group(2)),
            Long.parseLong(parts.group(3)),
            Long.parseLong(parts.group(4)))
        : null;
  }

  byte[] bytes() {
    String shownPlace = HexFormat.of().toHexDigits(place);
    return (PREFIX + shownPlace + '-' + processId + '-' + startTicks + '-' + number)
        .getBytes(US_ASCII);
  }

  /** Whether this host knows if the process lives; else only the file's age tells. */
  boolean isOfThisPlace() {
    return place == THIS_PLACE;
  }

  /** Whether the process, which is of this place, is still there. */
  boolean isAlive() {
    return startTicksOf(processId) == startTicks;
  }

  /**
   * Whether nobody will finish a file of another place, as far as its age tells.
   *
   * @param ctimeNanos when the file was last written: its mtime may be that of its source already
   */
  static boolean isOld(long ctimeNanos) {
    long nowNanos = System.currentTimeMillis() * 1_000_000;
    return nowNanos - ctimeNanos > ABANDONED_AFTER.toNanos();
  }

  private static int placeOfThisProcess() {
    try {
      String boot = Files.readString(Path.of("/proc/sys/kernel/random/boot_id"));
      String processes = Files.readSymbolicLink(Path.of("/proc/self/ns/pid")).toString();
      return (boot + processes).hashCode();
    } catch (IOException noProc) {
      return 0;
    }
  }

  /** Field 22 of proc(5)'s stat; 0 where there is no such process. */
  private static long startTicksOf(long processId) {
    String line;
    try {
      line = Files.readString(Path.of("/proc/" + processId + "/stat"), ISO_8859_1);
    } catch (IOException gone) {
      return 0;
    }
    // The second field is the program's name in brackets, with any characters in it.
    String[] fields = line.substring(line.lastIndexOf(')') + 1).strip().split(" ", -1);
    return Long.parseLong(fields[19]);
  }
}
