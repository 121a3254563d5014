package io.adhocfs.cli.arguments;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.Locale;

/**
 * Names as shown on a terminal: the terminal takes no byte of a name for a command, and the shown
 * name can be pasted into a shell.
 */
public final class ShownName {
  private static final String HARMLESS = "_@%+=:,./-";

  private ShownName() {}

  /**
   * A name as GNU ls shows it on a terminal: unchanged if a shell takes the name unchanged,
   * otherwise in quotes, with control characters and bytes that are not UTF-8 as in {@code
   * 'a'$'\n''b'}.
   */
  public static String quoted(byte[] name) {
    var shown = new StringBuilder();
    boolean plain = name.length > 0;
    boolean inQuotes = false;
    boolean inEscape = false;
    for (int at = 0; at < name.length; ) {
      int length = characterBytes(name, at);
      int character = length == 0 ? -1 : new String(name, at, length, UTF_8).codePointAt(0);
      if (length == 0 || Character.isISOControl(character)) {
        plain = false;
        if (!inEscape) {
          shown.append(inQuotes ? "'$'" : shown.isEmpty() ? "''$'" : "$'");
        }
        inEscape = true;
        inQuotes = true;
        for (int i = at; i < at + Math.max(1, length); i++) {
          shown.append(escape(name[i]));
        }
      } else {
        if (inEscape || !inQuotes) {
          shown.append(inEscape ? "''" : "'");
        }
        inEscape = false;
        inQuotes = true;
        plain &= isHarmless(character) && !(at == 0 && character == '~');
        shown.append(character == '\'' ? "'\\''" : Character.toString(character));
      }
      at += Math.max(1, length);
    }
    if (plain) {
      return new String(name, UTF_8);
    }
    return name.length == 0 ? "''" : shown.append('\'').toString();
  }

  /** A text in which control characters, except line ends, are replaced by \xHH. */
  public static String harmless(String text) {
    if (text.codePoints().noneMatch(ShownName::isCommand)) {
      return text;
    }
    var shown = new StringBuilder();
    text.codePoints()
        .forEach(character -> {
          if (isCommand(character)) {
            shown.append(String.format(Locale.ROOT, "\\x%02x", character));
          } else {
            shown.appendCodePoint(character);
          }
        });
    return shown.toString();
  }

  private static boolean isCommand(int character) {
    return Character.isISOControl(character) && character != '\n';
  }

  private static boolean isHarmless(int character) {
    return character >= 0x80
        || Character.isLetterOrDigit(character)
        || HARMLESS.indexOf(character) >= 0;
  }

  private static String escape(byte value) {
    return switch (value) {
      case 7 -> "\\a";
      case '\b' -> "\\b";
      case '\t' -> "\\t";
      case '\n' -> "\\n";
      case 11 -> "\\v";
      case '\f' -> "\\f";
      case '\r' -> "\\r";
      default -> String.format(Locale.ROOT, "\\%03o", value & 0xff);
    };
  }

  /** How many bytes the UTF-8 character at this place has; 0 if none begins there. */
  private static int characterBytes(byte[] name, int at) {
    int first = name[at] & 0xff;
    int length = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length == 0 || at + length > name.length) {
      return 0;
    }
    try {
      var _ = UTF_8.newDecoder().decode(ByteBuffer.wrap(name, at, length));
      return length;
    } catch (CharacterCodingException notText) {
      return 0;
    }
  }
}
