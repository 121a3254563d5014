package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.throttle.RuleFigures;
import io.adhocfs.protocol.throttle.Scope;
import io.adhocfs.protocol.throttle.ThrottleRule;
import io.adhocfs.protocol.throttle.TokenWant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;

/** Codecs of limits. Readers throw as those of {@link ControlValues}. */
final class ThrottleValues {
  /** Every item below has at least so many bytes. */
  private static final int ITEM_BYTES_MIN = 9;

  private ThrottleValues() {}

  @FunctionalInterface
  interface Reader<T> {
    T read(WireReader in) throws FsException;
  }

  static <T> void writeList(WireWriter out, List<T> items, BiConsumer<WireWriter, T> writer) {
    out.intValue(items.size());
    items.forEach(item -> writer.accept(out, item));
  }

  static <T> List<T> readList(WireReader in, Reader<T> reader) throws FsException {
    int count = in.count(ITEM_BYTES_MIN);
    List<T> items = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      items.add(reader.read(in));
    }
    return items;
  }

  static void writeKey(WireWriter out, ThrottleRule.Key key) {
    out.text(key.resource());
    out.byteValue(key.scope().kind().code());
    out.text(key.scope().value());
  }

  static ThrottleRule.Key readKey(WireReader in) throws FsException {
    return new ThrottleRule.Key(in.text(), new Scope(Scope.Kind.ofCode(in.byteValue()), in.text()));
  }

  static void writeRule(WireWriter out, ThrottleRule rule) {
    writeKey(out, rule.key());
    out.longValue(rule.limit());
    out.intValue(rule.weight());
  }

  static ThrottleRule readRule(WireReader in) throws FsException {
    ThrottleRule.Key key = readKey(in);
    return new ThrottleRule(key.resource(), key.scope(), in.longValue(), in.intValue());
  }

  static void writeWant(WireWriter out, TokenWant want) {
    writeKey(out, want.key());
    out.text(want.group());
    out.intValue(want.weight());
    out.longValue(want.wanted());
    out.longValue(want.returned());
  }

  static TokenWant readWant(WireReader in) throws FsException {
    return new TokenWant(readKey(in), in.text(), in.intValue(), in.longValue(), in.longValue());
  }

  static void writeFigures(WireWriter out, RuleFigures figures) {
    writeKey(out, figures.key());
    out.text(figures.group());
    out.longValue(figures.letThrough());
    out.longValue(figures.delayed());
    out.longValue(figures.waitedNanos());
    out.intValue(figures.waiting());
  }

  static RuleFigures readFigures(WireReader in) throws FsException {
    return new RuleFigures(
        readKey(in), in.text(), in.longValue(), in.longValue(), in.longValue(), in.intValue());
  }
}
