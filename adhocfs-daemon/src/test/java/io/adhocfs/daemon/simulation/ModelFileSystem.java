package io.adhocfs.daemon.simulation;

import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.InodeId;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What POSIX says, in the simplest way; the numbers of inodes are learnt from the real thing. */
public final class ModelFileSystem {
  public static final class Node {
    public final boolean directory;
    public int links;
    public long pin;
    public byte[] data = {};
    public final TreeMap<String, Node> entries = new TreeMap<>();
    public @Nullable Node parent;
    public InodeId id = InodeId.NONE;

    /** Permissions, if they have been set. */
    public @Nullable Integer mode;

    public Node(boolean directory) {
      this.directory = directory;
      this.links = directory ? 2 : 1;
    }

    public boolean gone() {
      return directory ? parent == null : links == 0 && pin == 0;
    }
  }

  public final Node root = new Node(true);
  public final Map<InodeId, Node> byId = new HashMap<>();

  public ModelFileSystem() {
    root.id = InodeId.ROOT;
    root.parent = root;
    byId.put(root.id, root);
  }

  public void learn(Node node, InodeId id) {
    node.id = id;
    if (byId.put(id, node) != null) {
      throw new AssertionError("inode " + id + " was given twice");
    }
  }

  public @Nullable FsError directoryError(Node directory) {
    if (directory.gone()) {
      return FsError.NOT_FOUND;
    }
    return directory.directory ? null : FsError.NOT_DIRECTORY;
  }

  public @Nullable FsError makeError(Node directory, String name) {
    FsError error = directoryError(directory);
    return error != null ? error : directory.entries.containsKey(name) ? FsError.EXISTS : null;
  }

  public Node make(Node directory, String name, boolean isDirectory) {
    var node = new Node(isDirectory);
    directory.entries.put(name, node);
    if (isDirectory) {
      node.parent = directory;
      directory.links++;
    }
    return node;
  }

  public @Nullable FsError lookupError(Node directory, String name) {
    FsError error = directoryError(directory);
    return error != null ? error : directory.entries.containsKey(name) ? null : FsError.NOT_FOUND;
  }

  private static Node entry(Node directory, String name) {
    Node node = directory.entries.get(name);
    if (node == null) {
      throw new AssertionError("no " + name);
    }
    return node;
  }

  public @Nullable FsError unlink(Node directory, String name) {
    FsError error = lookupError(directory, name);
    if (error != null) {
      return error;
    }
    Node node = entry(directory, name);
    if (node.directory) {
      return FsError.IS_DIRECTORY;
    }
    directory.entries.remove(name);
    node.links--;
    return null;
  }

  public @Nullable FsError removeDirectory(Node directory, String name) {
    FsError error = lookupError(directory, name);
    if (error != null) {
      return error;
    }
    Node node = entry(directory, name);
    if (!node.directory) {
      return FsError.NOT_DIRECTORY;
    }
    if (!node.entries.isEmpty()) {
      return FsError.NOT_EMPTY;
    }
    directory.entries.remove(name);
    directory.links--;
    node.parent = null;
    return null;
  }

  public @Nullable FsError link(Node node, Node directory, String name) {
    FsError error = makeError(directory, name);
    if (error != null) {
      return error;
    }
    if (node.gone()) {
      return FsError.NOT_FOUND;
    }
    if (node.directory) {
      return FsError.NOT_PERMITTED;
    }
    if (node.links == 0) {
      return FsError.NOT_FOUND;
    }
    node.links++;
    directory.entries.put(name, node);
    return null;
  }

  private static boolean isAtOrBelow(Node directory, Node other) {
    for (Node current = directory; current != null; current = current.parent) {
      if (current == other) {
        return true;
      }
      if (current == current.parent) {
        return false;
      }
    }
    return false;
  }

  public @Nullable FsError rename(Node from, String name, Node to, String newName, int flags) {
    if (flags > 2) {
      return FsError.INVALID;
    }
    FsError error = directoryError(to);
    if (error == null) {
      error = lookupError(from, name);
    }
    if (error != null) {
      return error;
    }
    Node moved = entry(from, name);
    Node target = to.entries.get(newName);
    if (flags == 2 && target == null) {
      return FsError.NOT_FOUND;
    }
    if (flags == 1 && target != null) {
      return FsError.EXISTS;
    }
    if (moved == target) {
      return null;
    }
    return flags == 2 && target != null
        ? exchange(from, name, moved, to, newName, target)
        : move(from, name, moved, to, newName, target);
  }

  private static @Nullable FsError exchange(
      Node from, String name, Node moved, Node to, String newName, Node target) {
    if (from != to
        && ((moved.directory && isAtOrBelow(to, moved))
            || (target.directory && isAtOrBelow(from, target)))) {
      return FsError.INVALID;
    }
    from.entries.put(name, target);
    to.entries.put(newName, moved);
    from.links += (target.directory ? 1 : 0) - (moved.directory ? 1 : 0);
    to.links += (moved.directory ? 1 : 0) - (target.directory ? 1 : 0);
    if (moved.directory) {
      moved.parent = to;
    }
    if (target.directory) {
      target.parent = from;
    }
    return null;
  }

  private static @Nullable FsError move(
      Node from, String name, Node moved, Node to, String newName, @Nullable Node target) {
    if (target != null && moved.directory && !target.directory) {
      return FsError.NOT_DIRECTORY;
    }
    if (target != null && !moved.directory && target.directory) {
      return FsError.IS_DIRECTORY;
    }
    if (moved.directory && from != to && isAtOrBelow(to, moved)) {
      return FsError.INVALID;
    }
    if (target != null && target.directory && !target.entries.isEmpty()) {
      return FsError.NOT_EMPTY;
    }
    if (target != null && target.directory) {
      target.parent = null;
      to.links--;
    } else if (target != null) {
      target.links--;
    }
    from.entries.remove(name);
    to.entries.put(newName, moved);
    if (moved.directory) {
      from.links--;
      to.links++;
      moved.parent = to;
    }
    return null;
  }

  public @Nullable FsError fileError(Node node) {
    if (node.gone()) {
      return FsError.NOT_FOUND;
    }
    return node.directory ? FsError.IS_DIRECTORY : null;
  }

  public static void write(Node node, int offset, byte[] bytes) {
    if (offset + bytes.length > node.data.length) {
      node.data = Arrays.copyOf(node.data, offset + bytes.length);
    }
    System.arraycopy(bytes, 0, node.data, offset, bytes.length);
  }

  public static void truncate(Node node, int size) {
    node.data = Arrays.copyOf(node.data, size);
  }
}
