package io.adhocfs.cli.command;

import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** A file's attributes as ls and stat show them. */
final class FileLine {
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss", Locale.ROOT)
          .withZone(ZoneId.systemDefault());

  private FileLine() {}

  /** Such as drwxr-xr-x. */
  static String mode(FileType type, int mode) {
    var text = new StringBuilder(10);
    text.append(
        switch (type) {
          case DIRECTORY -> 'd';
          case SYMLINK -> 'l';
          case FIFO -> 'p';
          case SOCKET -> 's';
          case BLOCK_DEVICE -> 'b';
          case CHARACTER_DEVICE -> 'c';
          case REGULAR -> '-';
        });
    String letters = "rwxrwxrwx";
    for (int bit = 0; bit < 9; bit++) {
      text.append((mode & 0400 >> bit) != 0 ? letters.charAt(bit) : '-');
    }
    special(text, 3, (mode & 04000) != 0, 's');
    special(text, 6, (mode & 02000) != 0, 's');
    special(text, 9, (mode & 01000) != 0, 't');
    return text.toString();
  }

  private static void special(StringBuilder text, int at, boolean set, char letter) {
    if (set) {
      text.setCharAt(at, text.charAt(at) == 'x' ? letter : Character.toUpperCase(letter));
    }
  }

  /** Everything before the name, as ls -l has it, owners as numbers. */
  static String details(FileAttributes attributes) {
    return "%s %3d %5d %5d %11d %s "
        .formatted(
            mode(attributes.type(), attributes.mode()),
            attributes.linkCount(),
            Integer.toUnsignedLong(attributes.uid()),
            Integer.toUnsignedLong(attributes.gid()),
            attributes.sizeBytes(),
            TIME.format(instant(attributes.mtimeNanos())));
  }

  /** The time of a number of nanoseconds since 1970, in this machine's zone. */
  static String time(long nanos) {
    return instant(nanos).toString();
  }

  private static Instant instant(long nanos) {
    return Instant.ofEpochSecond(
        Math.floorDiv(nanos, 1_000_000_000L), Math.floorMod(nanos, 1_000_000_000L));
  }
}
