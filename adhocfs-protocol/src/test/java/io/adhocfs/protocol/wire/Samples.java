package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.control.ControlCommand;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.Dataset;
import io.adhocfs.protocol.control.DatasetPolicies;
import io.adhocfs.protocol.control.FinishedRebalance;
import io.adhocfs.protocol.control.Membership;
import io.adhocfs.protocol.control.Rebalance;
import io.adhocfs.protocol.control.SlotSet;
import io.adhocfs.protocol.control.VoterSet;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.model.StorageSpace;
import io.adhocfs.protocol.model.TrafficClass;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import io.adhocfs.protocol.placement.LostSlots;
import io.adhocfs.protocol.settings.Setting;
import io.adhocfs.protocol.settings.SettingChange;
import io.adhocfs.protocol.throttle.Party;
import io.adhocfs.protocol.throttle.Resource;
import io.adhocfs.protocol.throttle.Scope;
import io.adhocfs.protocol.throttle.ThrottleRule;
import io.adhocfs.protocol.throttle.TokenWant;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Random values of every message. The golden bytes are of these values with fixed seeds: do not
 * change how they are drawn.
 */
public final class Samples {
  /** Added since the golden bytes were drawn: not among the samples, which would be others. */
  private static final Set<FsError> LATER_ERRORS =
      EnumSet.of(FsError.WOULD_BLOCK, FsError.DEADLOCK, FsError.TOO_MANY_LOCKS, FsError.DATA_LOST);

  private final SplittableRandom random;

  public Samples(long seed) {
    this.random = new SplittableRandom(seed);
  }

  /** The record of every message that there is. */
  public static List<Class<?>> messageRecords() {
    List<Class<?>> records = new ArrayList<>();
    addRecords(Message.class, records);
    return records;
  }

  private static void addRecords(Class<?> type, List<Class<?>> records) {
    if (type.isRecord()) {
      records.add(type);
    } else {
      for (Class<?> permitted : type.getPermittedSubclasses()) {
        addRecords(permitted, records);
      }
    }
  }

  /** A message with random values. */
  public Message message(Class<?> record) {
    return (Message) value(record);
  }

  /** A random value of a type that messages have. */
  public <T> T of(Class<T> type) {
    return type.cast(value(type));
  }

  private Object value(Type type) {
    if (type instanceof ParameterizedType map && map.getRawType() == Map.class) {
      // One: the order of more is not the same in every run.
      return Map.of(value(map.getActualTypeArguments()[0]), value(map.getActualTypeArguments()[1]));
    }
    if (type instanceof ParameterizedType list) {
      Type item = list.getActualTypeArguments()[0];
      List<Object> items = new ArrayList<>();
      // Some lists must not be empty; those that may be are, in other samples of the same type.
      for (int i = 1 + random.nextInt(4); i > 0; i--) {
        items.add(value(item));
      }
      return items;
    }
    if (type == SlotSet.class) {
      return slots();
    } else if (type == long.class || type == Long.class) {
      return random.nextLong() >>> random.nextInt(64);
    } else if (type == int.class || type == Integer.class) {
      return random.nextInt();
    } else if (type == boolean.class) {
      return random.nextBoolean();
    } else if (type == byte[].class) {
      return bytes(random.nextInt(40));
    } else if (type == String.class) {
      return "text-\u00e9-" + random.nextInt();
    } else if (type == InodeId.class) {
      return inode();
    } else if (type == EntryName.class) {
      return name();
    } else if (type == EntryKey.class) {
      return new EntryKey(inode(), random.nextInt(17), name());
    } else if (type == Epoch.class) {
      return new Epoch((Long) value(long.class) & Long.MAX_VALUE);
    } else if (type == SlotId.class) {
      return new SlotId(random.nextInt(SlotId.COUNT));
    } else if (type == NodeId.class) {
      return new NodeId(random.nextInt(NodeId.MAX + 1));
    } else if (type == SessionId.class) {
      return new SessionId(random.nextLong() | 1);
    } else if (type == OperationStamp.class) {
      long sequence = 1 + random.nextLong(1L << 40);
      return new OperationStamp(sequence, random.nextLong(sequence));
    } else if (type == FileLayout.class) {
      return layout();
    } else if (type == FileAttributes.class) {
      return attributes();
    } else if (type == ChunkSpan.class) {
      return new ChunkSpan(
          random.nextLong(1L << 40), random.nextInt(1 << 20), 1 + random.nextInt(1 << 20));
    } else if (type == StorageSpace.class) {
      return new StorageSpace(
          "disk-\u00e9",
          random.nextLong(1L << 50),
          random.nextLong(1L << 50),
          random.nextLong(1L << 50),
          random.nextLong(1L << 50),
          random.nextLong(1L << 50));
    } else if (type == ClusterMap.class) {
      return map();
    } else if (type == Change.class) {
      return value(pick(Change.class.getPermittedSubclasses()));
    } else if (type == ControlCommand.class) {
      return command();
    } else if (type == ControlState.class) {
      return controlState();
    } else if (type == ControlRequest.MarkLost.FileRange.class) {
      long first = random.nextLong(1L << 40);
      return new ControlRequest.MarkLost.FileRange(
          inode(),
          layout(),
          random.nextLong(1L << 40),
          first,
          first + random.nextInt(ControlRequest.MarkLost.CHUNKS_MAX));
    } else if (type == ControlRequest.SetNames.class) {
      return new ControlRequest.SetNames(attributes(), random.nextInt(1000), inode());
    } else if (type == ControlRequest.RaftCall.class) {
      return new ControlRequest.RaftCall(random.nextInt(256), bytes(random.nextInt(200)));
    } else if (type == ControlRequest.FollowControl.class) {
      return new ControlRequest.FollowControl(
          random.nextLong(1L << 40) - 1,
          random.nextInt(ControlRequest.FollowControl.WAIT_MILLIS_MAX + 1));
    } else if (type == ControlRequest.Introduce.class) {
      return new ControlRequest.Introduce(
          1 + random.nextInt(Frame.PARTY_MAX), "job-\u00e9", "step", random.nextInt());
    } else if (type == NamespaceRequest.MakeDirectory.class) {
      return new NamespaceRequest.MakeDirectory(
          (OperationStamp) value(OperationStamp.class),
          (EntryKey) value(EntryKey.class),
          newDirectory(),
          random.nextInt(),
          (Long) value(long.class));
    } else if (type == Change.NewDirectory.class) {
      return new Change.NewDirectory(
          (SlotId) value(SlotId.class),
          inode(),
          newDirectory(),
          random.nextInt(),
          (Long) value(long.class));
    } else if (type == DataRequest.AcquireData.class) {
      return new DataRequest.AcquireData(
          inode(), random.nextInt(), random.nextInt(Frame.PAYLOAD_BYTES_MAX));
    } else if (type == SettingChange.class) {
      return new SettingChange(
          random.nextInt(1000), Setting.CACHE_TIMEOUT, random.nextInt(100) + "s");
    } else if (type == ThrottleRule.Key.class) {
      return rule().key();
    } else if (type == TokenWant.class) {
      return new TokenWant(
          rule().key(),
          "job:\u00e9",
          1 + random.nextInt(ThrottleRule.WEIGHT_MAX),
          random.nextLong(1L << 40),
          random.nextLong(1L << 40));
    } else if (type == Party.class) {
      return new Party(pick(TrafficClass.values()), "job-\u00e9", "step", random.nextInt());
    } else if (type == Reply.Leader.class) {
      return new Reply.Leader(random.nextInt(NodeId.MAX + 2) - 1);
    } else if (type == FsError.class) {
      return pick(
          Arrays.stream(FsError.values())
              .filter(error -> !LATER_ERRORS.contains(error))
              .toArray(FsError[]::new));
    } else if (type instanceof Class<?> known && known.isEnum()) {
      return pick(known.getEnumConstants());
    } else if (type instanceof Class<?> known && known.isRecord()) {
      return record(known);
    }
    throw new IllegalArgumentException("no samples of " + type);
  }

  private Object record(Class<?> type) {
    RecordComponent[] components = type.getRecordComponents();
    Object[] values = new Object[components.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = value(components[i].getGenericType());
    }
    try {
      Constructor<?> constructor =
          type.getDeclaredConstructor(
              Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new));
      constructor.setAccessible(true);
      return constructor.newInstance(values);
    } catch (InvocationTargetException e) {
      throw new IllegalArgumentException("a sample of " + type, e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new IllegalArgumentException("a sample of " + type, e);
    }
  }

  private <T> T pick(T[] from) {
    return from[random.nextInt(from.length)];
  }

  private byte[] bytes(int length) {
    var bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  private InodeId inode() {
    return InodeId.of(
        new SlotId(random.nextInt(SlotId.COUNT)), 1 + random.nextLong(InodeId.COUNTER_MAX));
  }

  private EntryName name() {
    byte[] bytes = bytes(1 + random.nextInt(EntryName.LENGTH_MAX));
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == 0 || bytes[i] == '/' || bytes[i] == '.') {
        bytes[i] = (byte) 0xFE;
      }
    }
    try {
      return EntryName.of(bytes);
    } catch (FsException e) {
      throw new IllegalStateException(e);
    }
  }

  private FileLayout layout() {
    return new FileLayout(
        1 << (12 + random.nextInt(15)),
        random.nextInt(SlotId.COUNT),
        random.nextInt(2),
        random.nextInt(),
        random.nextBoolean());
  }

  private NewInode newDirectory() {
    return new NewInode(
        FileType.DIRECTORY,
        random.nextInt(),
        new Owner(random.nextInt(), random.nextInt()),
        0,
        new byte[0]);
  }

  private FileAttributes attributes() {
    return new FileAttributes(
        inode(),
        pick(FileType.values()),
        random.nextInt(FileAttributes.MODE_MASK + 1),
        random.nextInt(),
        random.nextInt(),
        random.nextInt(Integer.MAX_VALUE),
        random.nextLong(Long.MAX_VALUE),
        random.nextLong(),
        random.nextLong(),
        random.nextLong(),
        random.nextLong(),
        inode(),
        random.nextInt(17),
        random.nextLong(Long.MAX_VALUE),
        random.nextLong(Long.MAX_VALUE),
        random.nextBoolean(),
        layout());
  }

  private ClusterMap map() {
    List<Node> nodes = new ArrayList<>();
    for (int i = 1 + random.nextInt(5); i > 0; i--) {
      nodes.add(
          new Node(
              new NodeId(i * 7),
              "host-" + random.nextInt(100),
              1 + random.nextInt(65535),
              random.nextBoolean() ? "/run/socket-" + i : "",
              random.nextLong(Long.MAX_VALUE),
              pick(NodeState.values())));
    }
    ClusterMap even = ClusterMap.initial(nodes);
    LostSlots lost = LostSlots.NONE;
    for (int i = random.nextInt(3); i > 0; i--) {
      var slots = new BitSet();
      slots.set(random.nextInt(SlotId.COUNT));
      lost = lost.with(List.of(new NodeId(1000 + i)), slots);
    }
    return new ClusterMap(
        new Epoch(random.nextLong(1L << 50)),
        nodes,
        even.owners(),
        lost.searchedUpTo(random.nextInt(lost.losses() + 1)));
  }

  private long positive() {
    return 1 + random.nextLong(1L << 60);
  }

  private short[] owners(ClusterMap map) {
    List<Node> nodes = map.nodes();
    var owners = new short[SlotId.COUNT];
    for (int slot = 0; slot < owners.length; slot++) {
      owners[slot] = (short) nodes.get(random.nextInt(nodes.size())).id().value();
    }
    return owners;
  }

  /** Few, in runs, or many: each of the forms that they are written in. */
  private SlotSet slots() {
    int start = random.nextInt(SlotId.COUNT / 2);
    return switch (random.nextInt(3)) {
      case 0 -> SlotSet.of(random.ints(1 + random.nextInt(50), 0, SlotId.COUNT));
      case 1 -> SlotSet.of(IntStream.range(start, start + 1 + random.nextInt(SlotId.COUNT / 2)));
      default -> SlotSet.of(random.ints(20_000, 0, SlotId.COUNT));
    };
  }

  private ControlCommand command() {
    return switch (random.nextInt(17)) {
      case 0 -> new ControlCommand.Join(map().nodes());
      case 1 -> new ControlCommand.Announce(map().nodes().getFirst());
      case 2 ->
          new ControlCommand.Start(
              positive(),
              Rebalance.Kind.ofCode(random.nextInt(3)),
              new Epoch(random.nextLong(1L << 50)),
              owners(map()),
              List.of(new NodeId(random.nextInt(100)), new NodeId(100 + random.nextInt(100))),
              random.nextLong(1L << 40),
              1 + random.nextInt(Rebalance.BATCHES_AT_ONCE_MAX),
              random.nextBoolean(),
              random.nextLong());
      case 3 ->
          new ControlCommand.Move(
              random.nextLong(),
              new NodeId(random.nextInt(100)),
              new NodeId(100 + random.nextInt(100)),
              slots(),
              random.nextLong(1L << 60),
              random.nextLong(1L << 60),
              random.nextLong());
      case 4 -> new ControlCommand.Pause(random.nextLong(), "text-\u00e9-" + random.nextInt());
      case 5 -> new ControlCommand.Resume(random.nextLong());
      case 6 ->
          new ControlCommand.Limit(
              random.nextLong(),
              random.nextLong(1L << 40),
              1 + random.nextInt(Rebalance.BATCHES_AT_ONCE_MAX));
      case 8 ->
          new ControlCommand.Leave(
              List.of(new NodeId(random.nextInt(100)), new NodeId(100 + random.nextInt(100))));
      case 7 -> new ControlCommand.Cancel(random.nextLong(), random.nextLong());
      case 9 -> new ControlCommand.SetThrottle(rule());
      case 10 -> new ControlCommand.ClearThrottles(List.of(rule().key(), rule().key()));
      case 11 -> new ControlCommand.AddDataset(inode(), "/out/text-\u00e9");
      case 12 ->
          new ControlCommand.WalkDataset(
              1 + random.nextInt(100), random.nextLong(1L << 40), random.nextBoolean());
      case 13 ->
          new ControlCommand.ChangeSettings(
              3,
              List.of(new SettingChange(3, Setting.CHUNK_SIZE, "1MiB")),
              List.of(Setting.ATIME, Setting.FSYNC));
      case 14 ->
          new ControlCommand.Lose(
              List.of(new NodeId(random.nextInt(100)), new NodeId(100 + random.nextInt(100))),
              new Epoch(random.nextLong(1L << 50)),
              owners(map()),
              random.nextLong());
      case 15 -> new ControlCommand.Searched(1 + random.nextInt(100));
      default ->
          new ControlCommand.SetVoters(
              List.of(new NodeId(random.nextInt(100)), new NodeId(100 + random.nextInt(100))));
    };
  }

  private ThrottleRule rule() {
    Scope scope =
        switch (random.nextInt(3)) {
          case 0 -> Scope.INSTANCE;
          case 1 -> new Scope(Scope.Kind.JOB, "4" + random.nextInt(10));
          default -> new Scope(Scope.Kind.TRAFFIC, "migration");
        };
    return new ThrottleRule(
        pick(Resource.values()).label(),
        scope,
        random.nextLong(1L << 40),
        1 + random.nextInt(ThrottleRule.WEIGHT_MAX));
  }

  private List<SettingChange> changes() {
    return random.nextBoolean()
        ? List.of()
        : List.of(
            new SettingChange(0, Setting.FSYNC, "disk"),
            new SettingChange(3, Setting.CACHE_TIMEOUT, random.nextInt(100) + "s"));
  }

  private ControlState controlState() {
    ClusterMap map = map();
    int planned = random.nextInt(SlotId.COUNT + 1);
    boolean paused = random.nextBoolean();
    long version = random.nextLong(1L << 50);
    var membership =
        new Membership(
            map,
            random.nextInt(3) == 0
                ? null
                : new Rebalance(
                    positive(),
                    Rebalance.Kind.RELOCATE,
                    owners(map),
                    owners(map),
                    paused,
                    paused ? "text-\u00e9" : "",
                    random.nextLong(1L << 40),
                    1 + random.nextInt(Rebalance.BATCHES_AT_ONCE_MAX),
                    planned,
                    random.nextInt(planned + 1),
                    random.nextLong(1L << 60),
                    random.nextLong(1L << 60),
                    random.nextLong()),
            random.nextInt(3) == 0
                ? null
                : new FinishedRebalance(
                    random.nextLong(),
                    pick(Rebalance.Kind.values()),
                    random.nextInt(SlotId.COUNT),
                    random.nextInt(SlotId.COUNT),
                    random.nextLong(1L << 60),
                    random.nextLong(1L << 60),
                    random.nextLong(),
                    random.nextLong(),
                    pick(FinishedRebalance.Outcome.values())));
    var voters = new VoterSet(List.of(map.nodes().getFirst().id()), random.nextInt(1000));
    List<ThrottleRule> rules = random.nextBoolean() ? List.of() : List.of(rule(), rule());
    List<Dataset> datasets =
        random.nextBoolean()
            ? List.of()
            : List.of(new Dataset(3, inode(), "/in", random.nextLong(1L << 40), true));
    return new ControlState(
        version, membership, voters, new DatasetPolicies(datasets, rules, changes()));
  }
}
