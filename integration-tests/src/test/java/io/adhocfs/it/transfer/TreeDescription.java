package io.adhocfs.it.transfer;

import io.adhocfs.client.transfer.local.ExtendedAttribute;
import io.adhocfs.client.transfer.local.LocalDirectory;
import io.adhocfs.client.transfer.local.LocalEntry;
import io.adhocfs.client.transfer.local.LocalFile;
import io.adhocfs.client.transfer.local.LocalStatus;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/** Everything a copy must keep of a tree, by path: two trees are the same if these maps are. */
final class TreeDescription {
  private static final int BUFFER_BYTES = 1 << 20;

  private final Map<String, String> entries = new TreeMap<>();

  /** Of a file with several names: the first that was met in the order of paths. */
  private final Map<List<Long>, String> firstNames = new TreeMap<>(TreeDescription::compare);

  private final MemorySegment buffer;

  private TreeDescription(Arena arena) {
    buffer = arena.allocate(BUFFER_BYTES);
  }

  /** What is in a directory, and what the directory is. Paths are hexadecimal. */
  static Map<String, String> of(LocalDirectory directory) throws FsException {
    try (Arena arena = Arena.ofConfined()) {
      var description = new TreeDescription(arena);
      LocalStatus status = directory.status();
      description.describe(directory, "");
      description.entries.put("", common(status) + attributes(directory.userAttributes()));
      return description.entries;
    }
  }

  private void describe(LocalDirectory directory, String path) throws FsException {
    var names = new TreeMap<String, byte[]>();
    for (List<LocalEntry> batch = directory.nextEntries();
        !batch.isEmpty();
        batch = directory.nextEntries()) {
      for (LocalEntry entry : new ArrayList<>(batch)) {
        names.put(HexFormat.of().formatHex(entry.name()), entry.name());
      }
    }
    for (Map.Entry<String, byte[]> each : names.entrySet()) {
      byte[] name = each.getValue();
      String inner = path + "/" + each.getKey();
      LocalStatus status = directory.status(name);
      String detail =
          switch (status.type()) {
            case SYMLINK -> HexFormat.of().formatHex(directory.readLink(name));
            case REGULAR -> content(directory, name) + " " + firstName(status, inner);
            case DIRECTORY -> {
              try (LocalDirectory innerDirectory = directory.openDirectory(name)) {
                describe(innerDirectory, inner);
                yield attributes(innerDirectory.userAttributes());
              }
            }
            case FIFO, SOCKET -> "";
            case CHARACTER_DEVICE, BLOCK_DEVICE -> Long.toHexString(status.deviceNumber());
          };
      entries.put(inner, common(status) + " " + detail);
    }
  }

  private static String common(LocalStatus status) {
    String mode = status.type() == FileType.SYMLINK ? "" : Integer.toOctalString(status.mode());
    return status.type()
        + " "
        + mode
        + " mtime "
        + status.mtimeNanos()
        + " owner "
        + status.uid()
        + ":"
        + status.gid();
  }

  private String content(LocalDirectory directory, byte[] name) throws FsException {
    var checksum = new CRC32C();
    long size = 0;
    try (LocalFile file = directory.openToRead(name)) {
      long count;
      do {
        count = file.read(buffer, size);
        checksum.update(buffer.asSlice(0, count).asByteBuffer());
        size += count;
      } while (count == BUFFER_BYTES);
      return size
          + " bytes "
          + Long.toHexString(checksum.getValue())
          + attributes(file.userAttributes());
    }
  }

  private static String attributes(List<ExtendedAttribute> attributes) {
    var described = new TreeMap<String, String>();
    for (ExtendedAttribute attribute : attributes) {
      described.put(
          HexFormat.of().formatHex(attribute.name()), HexFormat.of().formatHex(attribute.value()));
    }
    return described.isEmpty() ? "" : " with " + described;
  }

  private String firstName(LocalStatus status, String path) {
    if (status.linkCount() == 1) {
      return "";
    }
    return firstNames.computeIfAbsent(List.of(status.device(), status.inode()), _ -> path);
  }

  private static int compare(List<Long> a, List<Long> b) {
    int first = a.get(0).compareTo(b.get(0));
    return first != 0 ? first : a.get(1).compareTo(b.get(1));
  }
}
