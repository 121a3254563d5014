package io.adhocfs.it.failure;

import static org.assertj.core.api.Assertions.assertThat;

import io.adhocfs.client.AdhocFileSystem;
import io.adhocfs.client.DirectoryItem;
import io.adhocfs.client.InodeOperations;
import io.adhocfs.client.OpenFile;
import io.adhocfs.client.RenameMode;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.adhocfs.protocol.model.Owner;
import io.adhocfs.protocol.placement.Placement;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * A few directories and files of one test case, each on the node that the case wants it on. Every
 * one has a word by which {@link #look} calls it.
 */
final class Scene {
  private static final Owner OWNER = new Owner(0, 0);
  private static final int LISTING_BYTES = 64 << 10;
  private static final int NAMES_TRIED_MAX = 10_000;

  private final MortalInstance instance;
  private final InodeOperations inodes;
  private final String prefix;
  private final Map<String, InodeId> directories = new LinkedHashMap<>();
  private final Map<InodeId, String> words = new HashMap<>();

  /** How many bytes were written to files. */
  private final Map<InodeId, Integer> contents = new HashMap<>();

  /**
   * An empty scene.
   *
   * @param prefix begins the names in the root: of this scene alone
   */
  Scene(MortalInstance instance, String prefix) {
    this.instance = instance;
    this.inodes = instance.client().inodes();
    this.prefix = prefix;
  }

  /** Makes a directory below the root whose inode and entries a node keeps. */
  InodeId directory(String word, int node) throws FsException, InterruptedException {
    return directory(word, InodeId.ROOT, freeName(InodeId.ROOT, prefix + "-" + word, node));
  }

  /** Makes a directory with this name. */
  InodeId directory(String word, InodeId parent, String name)
      throws FsException, InterruptedException {
    InodeId made = answer(inodes.makeDirectory(parent, EntryName.ofText(name), 0755, OWNER)).id();
    directories.put(word, made);
    words.put(made, word);
    return made;
  }

  /** A name whose directory, if one is made with it in this parent, a node will keep. */
  String freeName(InodeId parent, String beginning, int node) throws FsException {
    for (int i = 0; i < NAMES_TRIED_MAX; i++) {
      String name = beginning + "-" + i;
      if (instance.owner(Placement.newDirectorySlot(parent, EntryName.ofText(name))) == node) {
        return name;
      }
    }
    throw new AssertionError("no name is kept by node " + node);
  }

  /** Makes a file; the node that keeps the directory keeps it. */
  InodeId file(String word, InodeId directory, String name)
      throws FsException, InterruptedException {
    InodeId made =
        answer(inodes.create(directory, EntryName.ofText(name), NewInode.regularFile(0644, OWNER)))
            .id();
    words.put(made, word);
    return made;
  }

  /** Makes a file with content, which nobody has open afterwards. */
  InodeId file(String word, InodeId directory, String name, int sizeBytes)
      throws FsException, InterruptedException {
    InodeId made = file(word, directory, name);
    // The end of the session ends its pins; a handle that is closed does so a little later.
    try (AdhocFileSystem writer = instance.newClient();
        OpenFile open = answer(writer.inodes().open(made))) {
      open.write(0, ByteBuffer.wrap(content(sizeBytes)));
    }
    contents.put(made, sizeBytes);
    return made;
  }

  private static byte[] content(int sizeBytes) {
    var content = new byte[sizeBytes];
    for (int i = 0; i < sizeBytes; i++) {
      content[i] = (byte) (i * 31 + i / 4096 + 7);
    }
    return content;
  }

  /** Expects the files that still have names to hold what was written, and zeros behind it. */
  void expectContents() throws FsException, InterruptedException {
    for (Map.Entry<InodeId, Integer> written : contents.entrySet()) {
      try (OpenFile open = answer(inodes.open(written.getKey()))) {
        int sizeBytes = Math.toIntExact(open.size());
        ByteBuffer read = ByteBuffer.allocate(sizeBytes);
        assertThat(open.read(0, read)).isEqualTo(sizeBytes);
        byte[] expected =
            Arrays.copyOf(content(Math.min(sizeBytes, written.getValue())), sizeBytes);
        assertThat(read.array()).isEqualTo(expected);
      } catch (FsException e) {
        if (e.error() != FsError.NOT_FOUND) {
          throw e;
        }
      }
    }
  }

  /** Moves a name, as part of the preparations. */
  void move(InodeId from, String name, InodeId to, String newName)
      throws FsException, InterruptedException {
    Object _ =
        answer(
            inodes
                .rename(
                    from, EntryName.ofText(name), to, EntryName.ofText(newName), RenameMode.REPLACE)
                .thenApply(_ -> true));
  }

  /** Gives a file one more name, as part of the preparations. */
  void link(InodeId inode, InodeId directory, String name)
      throws FsException, InterruptedException {
    Object _ = answer(inodes.link(inode, directory, EntryName.ofText(name)));
  }

  /**
   * All that is there: a line for each directory and for each name in it, by word. An inode that
   * the scene has not made itself is called "new".
   */
  Map<String, String> look() throws FsException, InterruptedException {
    var seen = new TreeMap<String, String>();
    for (Map.Entry<String, InodeId> directory : directories.entrySet()) {
      FileAttributes attributes;
      try {
        attributes = answer(inodes.getAttributes(directory.getValue()));
      } catch (FsException e) {
        if (e.error() == FsError.NOT_FOUND) {
          continue;
        }
        throw e;
      }
      seen.put(directory.getKey(), directoryLine(attributes.linkCount(), attributes.sizeBytes()));
      for (DirectoryItem item :
          answer(inodes.readDirectory(directory.getValue(), 0, LISTING_BYTES, false)).items()) {
        seen.put(directory.getKey() + "/" + item.name(), entryLine(item.inode()));
      }
    }
    return seen;
  }

  /** What {@link #look} says of a directory. */
  static String directoryLine(int links, long entries) {
    return "%d links, %d entries".formatted(links, entries);
  }

  private String entryLine(InodeId inode) throws FsException, InterruptedException {
    String word = words.getOrDefault(inode, "new");
    try {
      FileAttributes attributes = answer(inodes.getAttributes(inode));
      return attributes.isDirectory()
          ? "directory " + word
          : fileLine(word, attributes.linkCount(), attributes.sizeBytes());
    } catch (FsException e) {
      if (e.error() == FsError.NOT_FOUND) {
        return "no inode";
      }
      throw e;
    }
  }

  /** What {@link #look} says of a name of a file. */
  static String fileLine(String word, int links, long sizeBytes) {
    return "file %s, %d links, %d bytes".formatted(word, links, sizeBytes);
  }

  private static <T> T answer(CompletableFuture<T> future)
      throws FsException, InterruptedException {
    try {
      return future.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof FsException failure) {
        throw failure;
      }
      throw new AssertionError(e.getCause());
    }
  }
}
