package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.throttle.RuleFigures;
import io.adhocfs.protocol.throttle.Scope;
import io.adhocfs.protocol.throttle.ThrottleRule;
import io.adhocfs.protocol.throttle.TokenWant;

/** Codecs of limits. Readers throw as those of {@link ControlValues}. */
final class ThrottleValues {
  /** Every item below, and of {@link StatisticsValues}, has at least so many bytes. */
  static final int ITEM_BYTES_MIN = 9;

  private ThrottleValues() {}

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
