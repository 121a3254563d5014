package io.adhocfs.cli.command;

import java.math.BigDecimal;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Rates in bytes per second, as users write them. */
final class Rates {
  private static final Pattern RATE = Pattern.compile("([0-9]+(?:\\.[0-9]+)?)([A-Za-z]*)(?:/s)?");
  private static final Map<String, Long> UNITS =
      Map.of(
          "", 1L,
          "b", 1L,
          "kb", 1_000L,
          "mb", 1_000_000L,
          "gb", 1_000_000_000L,
          "kib", 1L << 10,
          "mib", 1L << 20,
          "gib", 1L << 30);

  private Rates() {}

  /**
   * @throws UsageException saying what is allowed
   */
  static long parse(String option, String text) throws UsageException {
    return parse(option, text, "500MB/s, 200MiB or none for no limit");
  }

  /**
   * As {@link #parse(String, String)}, with other examples in the message.
   *
   * @param examples of what is allowed
   */
  static long parse(String option, String text, String examples) throws UsageException {
    Matcher matcher = RATE.matcher(text.strip());
    Long unit = matcher.matches() ? UNITS.get(matcher.group(2).toLowerCase(Locale.ROOT)) : null;
    if (unit == null) {
      throw new UsageException(
          "%s '%s': give bytes in a second, such as %s".formatted(option, text, examples));
    }
    BigDecimal bytes = new BigDecimal(matcher.group(1)).multiply(BigDecimal.valueOf(unit));
    if (bytes.compareTo(BigDecimal.ONE) < 0 || bytes.compareTo(BigDecimal.valueOf(1L << 50)) > 0) {
      throw new UsageException(option + " '" + text + "': give 1 byte to 1 PiB in a second");
    }
    return bytes.longValue();
  }
}
