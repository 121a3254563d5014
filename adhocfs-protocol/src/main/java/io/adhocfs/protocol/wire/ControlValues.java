package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.Dataset;
import io.adhocfs.protocol.control.DatasetPolicies;
import io.adhocfs.protocol.control.FinishedRebalance;
import io.adhocfs.protocol.control.Membership;
import io.adhocfs.protocol.control.Outcome;
import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.control.SlotSet;
import io.adhocfs.protocol.control.VoterSet;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.settings.SettingChange;
import io.adhocfs.protocol.throttle.ThrottleRule;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Codecs of the control plane's values. Commands and states have this form in the replicated log
 * and on disk too. Readers throw {@link FsException} or {@link IllegalArgumentException} for what
 * they cannot take.
 */
public final class ControlValues {
  private static final int JOIN = 1;
  private static final int ANNOUNCE = 2;
  private static final int START = 3;
  private static final int MOVE = 4;
  private static final int PAUSE = 5;
  private static final int RESUME = 6;
  private static final int LIMIT = 7;
  private static final int CANCEL = 8;
  private static final int SET_VOTERS = 9;
  private static final int LEAVE = 10;
  private static final int SET_THROTTLE = 11;
  private static final int CLEAR_THROTTLES = 12;
  private static final int ADD_DATASET = 13;
  private static final int WALK_DATASET = 14;
  private static final int CHANGE_SETTINGS = 15;
  private static final int LOSE = 20;
  private static final int SEARCHED = 21;

  private static final int SLOTS_AS_LIST = 0;
  private static final int SLOTS_AS_RUNS = 1;
  private static final int SLOTS_AS_BITMAP = 2;
  private static final int BITMAP_BYTES = SlotId.COUNT / 8;

  private static final int NODE_BYTES_MIN = 25;
  private static final int DATASET_BYTES_MIN = 25;
  private static final int TEXT_BYTES_MIN = 4;
  private static final int CHANGE_BYTES_MIN = 4 + 2 * TEXT_BYTES_MIN;

  private ControlValues() {}

  /** A set of slots in the shortest of three forms: list, runs, bitmap. */
  public static void writeSlots(WireWriter out, SlotSet slots) {
    int runs = 0;
    for (int start = slots.nextFrom(0);
        start >= 0;
        start = slots.nextFrom(slots.nextMissingFrom(start))) {
      runs++;
    }
    if (2 * Math.min(slots.size(), 2 * runs) >= BITMAP_BYTES) {
      out.byteValue(SLOTS_AS_BITMAP);
      var bits = new byte[BITMAP_BYTES];
      slots.forEachSlot(slot -> bits[slot >> 3] |= (byte) (1 << (slot & 7)));
      out.bytes(bits);
    } else if (2 * runs < slots.size()) {
      out.byteValue(SLOTS_AS_RUNS);
      var bounds = new short[2 * runs];
      int i = 0;
      for (int start = slots.nextFrom(0);
          start >= 0;
          start = slots.nextFrom(slots.nextMissingFrom(start))) {
        bounds[i++] = (short) start;
        bounds[i++] = (short) (slots.nextMissingFrom(start) - 1);
      }
      out.shorts(bounds);
    } else {
      out.byteValue(SLOTS_AS_LIST);
      var list = new short[slots.size()];
      int i = 0;
      for (int slot : slots) {
        list[i++] = (short) slot;
      }
      out.shorts(list);
    }
  }

  public static SlotSet readSlots(WireReader in) throws FsException {
    int form = in.byteValue();
    return switch (form) {
      case SLOTS_AS_LIST -> {
        short[] list = in.shorts();
        requireAscending(list);
        yield SlotSet.of(IntStream.range(0, list.length).map(i -> Short.toUnsignedInt(list[i])));
      }
      case SLOTS_AS_RUNS -> {
        short[] bounds = in.shorts();
        var slots = new BitSet(SlotId.COUNT);
        if (bounds.length % 2 != 0) {
          throw new IllegalArgumentException("runs of slots without an end");
        }
        int next = 0;
        for (int i = 0; i < bounds.length; i += 2) {
          int first = Short.toUnsignedInt(bounds[i]);
          int last = Short.toUnsignedInt(bounds[i + 1]);
          if (first < next || last < first) {
            throw new IllegalArgumentException("a run of slots from " + first + " to " + last);
          }
          slots.set(first, last + 1);
          next = last + 1;
        }
        yield SlotSet.of(slots.stream());
      }
      case SLOTS_AS_BITMAP -> {
        byte[] bits = in.bytes();
        if (bits.length != BITMAP_BYTES) {
          throw new IllegalArgumentException("a bitmap of slots of " + bits.length + " bytes");
        }
        yield SlotSet.of(BitSet.valueOf(bits).stream());
      }
      default -> throw new IllegalArgumentException("slots in form " + form);
    };
  }

  private static void requireAscending(short[] list) {
    for (int i = 1; i < list.length; i++) {
      if (Short.toUnsignedInt(list[i - 1]) >= Short.toUnsignedInt(list[i])) {
        throw new IllegalArgumentException("slots that do not ascend");
      }
    }
  }

  private static void writeIds(WireWriter out, List<NodeId> ids) {
    out.intValue(ids.size());
    ids.forEach(id -> out.intValue(id.value()));
  }

  private static List<NodeId> readIds(WireReader in) throws FsException {
    return in.list(4, item -> new NodeId(item.intValue()));
  }

  public static void writeCommand(WireWriter out, ControlCommand command) {
    switch (command) {
      case ControlCommand.OfNodes change -> write(out, change);
      case ControlCommand.OfRebalance change -> write(out, change);
      case ControlCommand.OfPolicies change -> write(out, change);
      case ControlCommand.SetVoters set -> {
        out.byteValue(SET_VOTERS);
        writeIds(out, set.voters());
      }
    }
  }

  private static void write(WireWriter out, ControlCommand.OfNodes command) {
    switch (command) {
      case ControlCommand.Join join -> {
        out.byteValue(JOIN);
        out.intValue(join.nodes().size());
        join.nodes().forEach(node -> Values.writeNode(out, node));
      }
      case ControlCommand.Announce announce -> {
        out.byteValue(ANNOUNCE);
        Values.writeNode(out, announce.node());
      }
      case ControlCommand.Leave leave -> {
        out.byteValue(LEAVE);
        writeIds(out, leave.nodes());
      }
      case ControlCommand.Lose lose -> {
        out.byteValue(LOSE);
        writeIds(out, lose.nodes());
        out.longValue(lose.base().value());
        out.shorts(lose.owners());
        out.longValue(lose.nowNanos());
      }
      case ControlCommand.Searched searched -> {
        out.byteValue(SEARCHED);
        out.intValue(searched.losses());
      }
    }
  }

  private static void write(WireWriter out, ControlCommand.OfRebalance command) {
    switch (command) {
      case ControlCommand.Start start -> {
        out.byteValue(START);
        out.longValue(start.id());
        out.byteValue(start.kind().code());
        out.longValue(start.base().value());
        out.shorts(start.target());
        writeIds(out, start.leaving());
        out.longValue(start.bytesPerSecond());
        out.intValue(start.batchesAtOnce());
        out.flag(start.supersede());
        out.longValue(start.nowNanos());
      }
      case ControlCommand.Move move -> {
        out.byteValue(MOVE);
        out.longValue(move.id());
        out.intValue(move.source().value());
        out.intValue(move.target().value());
        writeSlots(out, move.slots());
        out.longValue(move.bytesSent());
        out.longValue(move.bytesHeld());
        out.longValue(move.nowNanos());
      }
      case ControlCommand.Pause pause -> {
        out.byteValue(PAUSE);
        out.longValue(pause.id());
        out.text(pause.reason());
      }
      case ControlCommand.Resume resume -> {
        out.byteValue(RESUME);
        out.longValue(resume.id());
      }
      case ControlCommand.Limit limit -> {
        out.byteValue(LIMIT);
        out.longValue(limit.id());
        out.longValue(limit.bytesPerSecond());
        out.intValue(limit.batchesAtOnce());
      }
      case ControlCommand.Cancel cancel -> {
        out.byteValue(CANCEL);
        out.longValue(cancel.id());
        out.longValue(cancel.nowNanos());
      }
    }
  }

  private static void write(WireWriter out, ControlCommand.OfPolicies command) {
    switch (command) {
      case ControlCommand.SetThrottle set -> {
        out.byteValue(SET_THROTTLE);
        ThrottleValues.writeRule(out, set.rule());
      }
      case ControlCommand.ClearThrottles clear -> {
        out.byteValue(CLEAR_THROTTLES);
        out.list(clear.keys(), ThrottleValues::writeKey);
      }
      case ControlCommand.AddDataset add -> {
        out.byteValue(ADD_DATASET);
        out.inode(add.directory());
        out.text(add.path());
      }
      case ControlCommand.WalkDataset walk -> {
        out.byteValue(WALK_DATASET);
        out.intValue(walk.id());
        out.longValue(walk.walked());
        out.flag(walk.complete());
      }
      case ControlCommand.ChangeSettings change -> {
        out.byteValue(CHANGE_SETTINGS);
        out.intValue(change.dataset());
        writeChanges(out, change.set());
        out.list(change.unset(), (to, setting) -> to.text(setting.key()));
      }
    }
  }

  static void writeChanges(WireWriter out, List<SettingChange> changes) {
    out.list(
        changes,
        (to, change) -> {
          to.intValue(change.dataset());
          to.text(change.setting().key());
          to.text(change.value());
        });
  }

  static List<SettingChange> readChanges(WireReader in) throws FsException {
    return in.list(
        CHANGE_BYTES_MIN,
        from -> new SettingChange(from.intValue(), readSetting(from), from.text()));
  }

  private static Setting readSetting(WireReader in) throws FsException {
    String key = in.text();
    Setting setting = Setting.ofKey(key);
    if (setting == null) {
      throw new FsException(FsError.BAD_MESSAGE, "there is no setting '" + key + "'");
    }
    return setting;
  }

  public static ControlCommand readCommand(WireReader in) throws FsException {
    int code = in.byteValue();
    return switch (code) {
      case JOIN -> new ControlCommand.Join(in.list(NODE_BYTES_MIN, Values::readNode));
      case ANNOUNCE -> new ControlCommand.Announce(Values.readNode(in));
      case START ->
          new ControlCommand.Start(
              in.longValue(),
              Rebalance.Kind.ofCode(in.byteValue()),
              new Epoch(in.longValue()),
              in.shorts(),
              readIds(in),
              in.longValue(),
              in.intValue(),
              in.flag(),
              in.longValue());
      case MOVE ->
          new ControlCommand.Move(
              in.longValue(),
              new NodeId(in.intValue()),
              new NodeId(in.intValue()),
              readSlots(in),
              in.longValue(),
              in.longValue(),
              in.longValue());
      case LOSE ->
          new ControlCommand.Lose(
              readIds(in), new Epoch(in.longValue()), in.shorts(), in.longValue());
      case SEARCHED -> new ControlCommand.Searched(in.intValue());
      case PAUSE -> new ControlCommand.Pause(in.longValue(), in.text());
      case RESUME -> new ControlCommand.Resume(in.longValue());
      case LIMIT -> new ControlCommand.Limit(in.longValue(), in.longValue(), in.intValue());
      case CANCEL -> new ControlCommand.Cancel(in.longValue(), in.longValue());
      case LEAVE -> new ControlCommand.Leave(readIds(in));
      case SET_VOTERS -> new ControlCommand.SetVoters(readIds(in));
      case SET_THROTTLE -> new ControlCommand.SetThrottle(ThrottleValues.readRule(in));
      case CLEAR_THROTTLES ->
          new ControlCommand.ClearThrottles(
              in.list(ThrottleValues.ITEM_BYTES_MIN, ThrottleValues::readKey));
      case ADD_DATASET -> new ControlCommand.AddDataset(in.inode(), in.text());
      case WALK_DATASET -> new ControlCommand.WalkDataset(in.intValue(), in.longValue(), in.flag());
      case CHANGE_SETTINGS ->
          new ControlCommand.ChangeSettings(
              in.intValue(), readChanges(in), in.list(TEXT_BYTES_MIN, ControlValues::readSetting));
      default -> throw new IllegalArgumentException("control command " + code);
    };
  }

  /** A command as bytes of their own; {@link #command} takes them back. */
  public static byte[] bytes(ControlCommand command) {
    ByteBuf out = Unpooled.buffer();
    writeCommand(new WireWriter(out), command);
    return taken(out);
  }

  /**
   * The command in bytes, all of which it must take.
   *
   * @throws FsException BAD_MESSAGE
   */
  public static ControlCommand command(byte[] bytes) throws FsException {
    var in = new WireReader(Unpooled.wrappedBuffer(bytes));
    try {
      ControlCommand command = readCommand(in);
      in.end();
      return command;
    } catch (IllegalArgumentException e) {
      throw new FsException(FsError.BAD_MESSAGE, "control command: " + e.getMessage(), e);
    }
  }

  private static byte[] taken(ByteBuf out) {
    var bytes = new byte[out.readableBytes()];
    out.readBytes(bytes);
    return bytes;
  }

  public static void writeOutcome(WireWriter out, Outcome outcome) {
    out.byteValue(outcome.verdict().code());
    out.text(outcome.message());
  }

  public static Outcome readOutcome(WireReader in) throws FsException {
    return new Outcome(Outcome.Verdict.ofCode(in.byteValue()), in.text());
  }

  public static void writeState(WireWriter out, ControlState state) {
    out.longValue(state.version());
    Values.writeMap(out, state.map());
    writeIds(out, state.voters());
    out.intValue(state.configuration());
    Rebalance rebalance = state.rebalance();
    out.flag(rebalance != null);
    if (rebalance != null) {
      out.longValue(rebalance.id());
      out.byteValue(rebalance.kind().code());
      out.shorts(rebalance.target());
      out.shorts(rebalance.origin());
      out.flag(rebalance.paused());
      out.text(rebalance.reason());
      out.longValue(rebalance.bytesPerSecond());
      out.intValue(rebalance.batchesAtOnce());
      out.intValue(rebalance.slotsPlanned());
      out.intValue(rebalance.slotsMoved());
      out.longValue(rebalance.bytesSent());
      out.longValue(rebalance.bytesHeld());
      out.longValue(rebalance.startedNanos());
    }
    FinishedRebalance last = state.last();
    out.flag(last != null);
    if (last != null) {
      out.longValue(last.id());
      out.byteValue(last.kind().code());
      out.intValue(last.slotsMoved());
      out.intValue(last.slotsPlanned());
      out.longValue(last.bytesSent());
      out.longValue(last.bytesHeld());
      out.longValue(last.startedNanos());
      out.longValue(last.finishedNanos());
      out.byteValue(last.outcome().code());
    }
    out.list(state.throttles(), ThrottleValues::writeRule);
    out.list(state.datasets(), ControlValues::writeDataset);
    writeChanges(out, state.changes());
  }

  public static ControlState readState(WireReader in) throws FsException {
    long version = in.longValue();
    var map = Values.readMap(in);
    List<NodeId> voters = readIds(in);
    int configuration = in.intValue();
    Rebalance rebalance =
        in.flag()
            ? new Rebalance(
                in.longValue(),
                Rebalance.Kind.ofCode(in.byteValue()),
                in.shorts(),
                in.shorts(),
                in.flag(),
                in.text(),
                in.longValue(),
                in.intValue(),
                in.intValue(),
                in.intValue(),
                in.longValue(),
                in.longValue(),
                in.longValue())
            : null;
    FinishedRebalance last =
        in.flag()
            ? new FinishedRebalance(
                in.longValue(),
                Rebalance.Kind.ofCode(in.byteValue()),
                in.intValue(),
                in.intValue(),
                in.longValue(),
                in.longValue(),
                in.longValue(),
                in.longValue(),
                FinishedRebalance.Outcome.ofCode(in.byteValue()))
            : null;
    List<ThrottleRule> throttles = in.list(ThrottleValues.ITEM_BYTES_MIN, ThrottleValues::readRule);
    List<Dataset> datasets = in.list(DATASET_BYTES_MIN, ControlValues::readDataset);
    return new ControlState(
        version,
        new Membership(map, rebalance, last),
        new VoterSet(voters, configuration),
        new DatasetPolicies(datasets, throttles, readChanges(in)));
  }

  private static void writeDataset(WireWriter out, Dataset dataset) {
    out.intValue(dataset.id());
    out.inode(dataset.directory());
    out.text(dataset.path());
    out.longValue(dataset.walked());
    out.flag(dataset.complete());
  }

  private static Dataset readDataset(WireReader in) throws FsException {
    return new Dataset(in.intValue(), in.inode(), in.text(), in.longValue(), in.flag());
  }

  /** A state as bytes of their own; {@link #state} takes them back. */
  public static byte[] bytes(ControlState state) {
    ByteBuf out = Unpooled.buffer();
    writeState(new WireWriter(out), state);
    return taken(out);
  }

  /**
   * The state in bytes, all of which it must take.
   *
   * @throws FsException BAD_MESSAGE
   */
  public static ControlState state(byte[] bytes) throws FsException {
    var in = new WireReader(Unpooled.wrappedBuffer(bytes));
    try {
      ControlState state = readState(in);
      in.end();
      return state;
    } catch (IllegalArgumentException e) {
      throw new FsException(FsError.BAD_MESSAGE, "control state: " + e.getMessage(), e);
    }
  }
}
