package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.statistics.KindFigures;
import io.adhocfs.protocol.statistics.PartyFigures;
import io.adhocfs.protocol.statistics.RuleWaits;
import io.adhocfs.protocol.throttle.Party;

/** Codecs of statistics. Readers throw as those of {@link ControlValues}. */
final class StatisticsValues {
  private StatisticsValues() {}

  static void writeParty(WireWriter out, PartyFigures figures) {
    Party party = figures.party();
    out.byteValue(party.traffic().code());
    out.text(party.job());
    out.text(party.step());
    out.intValue(party.user());
    out.longValue(figures.sinceFirstNanos());
    out.longValue(figures.sinceLastNanos());
    out.list(figures.kinds(), StatisticsValues::writeKind);
    out.list(figures.waits(), StatisticsValues::writeWaits);
  }

  static PartyFigures readParty(WireReader in) throws FsException {
    var party = new Party(TrafficClass.ofCode(in.byteValue()), in.text(), in.text(), in.intValue());
    return new PartyFigures(
        party,
        in.longValue(),
        in.longValue(),
        in.list(ThrottleValues.ITEM_BYTES_MIN, StatisticsValues::readKind),
        in.list(ThrottleValues.ITEM_BYTES_MIN, StatisticsValues::readWaits));
  }

  private static void writeKind(WireWriter out, KindFigures figures) {
    out.text(figures.kind());
    out.longValue(figures.operations());
    out.longValue(figures.failed());
    out.longValue(figures.bytes());
    out.longValue(figures.small());
    out.longValue(figures.unaligned());
  }

  private static KindFigures readKind(WireReader in) throws FsException {
    return new KindFigures(
        in.text(), in.longValue(), in.longValue(), in.longValue(), in.longValue(), in.longValue());
  }

  private static void writeWaits(WireWriter out, RuleWaits waits) {
    ThrottleValues.writeKey(out, waits.rule());
    out.longValue(waits.requests());
    out.longValue(waits.nanos());
  }

  private static RuleWaits readWaits(WireReader in) throws FsException {
    return new RuleWaits(ThrottleValues.readKey(in), in.longValue(), in.longValue());
  }
}
