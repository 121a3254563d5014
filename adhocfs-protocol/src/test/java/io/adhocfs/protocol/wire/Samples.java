package io.adhocfs.protocol.wire;

import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.Epoch;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileLayout;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NodeId;
import io.adhocfs.protocol.model.SessionId;
import io.adhocfs.protocol.model.SlotId;
import io.adhocfs.protocol.placement.ChunkSpan;
import io.adhocfs.protocol.placement.ClusterMap;
import io.adhocfs.protocol.placement.ClusterMap.Node;
import io.adhocfs.protocol.placement.ClusterMap.NodeState;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * Random values of every message. The golden bytes are of these values with fixed seeds: do not
 * change how they are drawn.
 */
final class Samples {
  /** Added since the golden bytes were drawn: not among the samples, which would be others. */
  private static final Set<FsError> LATER_ERRORS =
      EnumSet.of(FsError.WOULD_BLOCK, FsError.DEADLOCK, FsError.TOO_MANY_LOCKS);

  private final SplittableRandom random;

  Samples(long seed) {
    this.random = new SplittableRandom(seed);
  }

  /** The record of every message that there is. */
  static List<Class<?>> messageRecords() {
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
  Message message(Class<?> record) {
    return (Message) value(record);
  }

  private Object value(Type type) {
    if (type instanceof ParameterizedType list) {
      Type item = list.getActualTypeArguments()[0];
      List<Object> items = new ArrayList<>();
      // Some lists must not be empty; those that may be are, in other samples of the same type.
      for (int i = 1 + random.nextInt(4); i > 0; i--) {
        items.add(value(item));
      }
      return items;
    }
    if (type == long.class) {
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
    } else if (type == ClusterMap.class) {
      return map();
    } else if (type == Change.class) {
      return value(pick(Change.class.getPermittedSubclasses()));
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
    return new ClusterMap(new Epoch(random.nextLong(1L << 50)), nodes, even.owners());
  }
}
