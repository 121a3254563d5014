package io.adhocfs.it.failure;

import io.adhocfs.daemon.crash.CrashPoint;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What is done while daemons die: each operation with its parts on as many nodes as it can have
 * parts, so that each part has a daemon of its own that can die.
 */
enum Deed {
  RENAME_FILE(2, 3) {
    @Override
    Play prepare(Scene scene) throws FsException, InterruptedException {
      InodeId to = scene.directory("to", COORDINATOR);
      InodeId from = scene.directory("from", 2);
      InodeId home = scene.directory("home", 3);
      InodeId _ = scene.file("moved", home, "made");
      scene.move(home, "made", from, "old");
      String file = Scene.fileLine("moved", 1, 0);
      return new Play(
          NamedOperation.rename(from, "old", to, "new"),
          Map.of("from", ONE_ENTRY, "from/old", file, "home", EMPTY, "to", EMPTY),
          Map.of("from", EMPTY, "home", EMPTY, "to", ONE_ENTRY, "to/new", file));
    }
  },

  RENAME_ONTO_FILE(2, 3, 0) {
    @Override
    Play prepare(Scene scene) throws FsException, InterruptedException {
      InodeId to = scene.directory("to", COORDINATOR);
      InodeId from = scene.directory("from", 2);
      InodeId home = scene.directory("home", 3);
      InodeId other = scene.directory("other", 0);
      InodeId _ = scene.file("moved", home, "made");
      scene.move(home, "made", from, "old");
      InodeId _ = scene.file("target", other, "made", SEVERAL_CHUNKS_BYTES);
      scene.move(other, "made", to, "new");
      String file = Scene.fileLine("moved", 1, 0);
      return new Play(
          NamedOperation.rename(from, "old", to, "new"),
          Map.of(
              "from", ONE_ENTRY,
              "from/old", file,
              "home", EMPTY,
              "other", EMPTY,
              "to", ONE_ENTRY,
              "to/new", Scene.fileLine("target", 1, SEVERAL_CHUNKS_BYTES)),
          Map.of("from", EMPTY, "home", EMPTY, "other", EMPTY, "to", ONE_ENTRY, "to/new", file));
    }

    @Override
    boolean reaches(CrashPoint point, int node) {
      // The node that keeps the target's inode gives its chunks back.
      return super.reaches(point, node) || (node == 0 && point.group() == CrashPoint.Group.RECLAIM);
    }
  },

  /** Node 0 keeps the rename token. */
  RENAME_DIRECTORY(2, 3, 0) {
    @Override
    Play prepare(Scene scene) throws FsException, InterruptedException {
      InodeId to = scene.directory("to", COORDINATOR);
      InodeId from = scene.directory("from", 2);
      String name = scene.freeName(from, "old", 3);
      InodeId moved = scene.directory("moved", from, name);
      InodeId _ = scene.file("child", moved, "child");
      String file = Scene.fileLine("child", 1, 0);
      return new Play(
          NamedOperation.rename(from, name, to, "new"),
          Map.of(
              "from",
              ONE_DIRECTORY,
              "from/" + name,
              "directory moved",
              "moved",
              ONE_ENTRY,
              "moved/child",
              file,
              "to",
              EMPTY),
          Map.of(
              "from", EMPTY,
              "moved", ONE_ENTRY,
              "moved/child", file,
              "to", ONE_DIRECTORY,
              "to/new", "directory moved"));
    }
  },

  LINK(2) {
    @Override
    Play prepare(Scene scene) throws FsException, InterruptedException {
      InodeId to = scene.directory("to", COORDINATOR);
      InodeId home = scene.directory("home", 2);
      InodeId file = scene.file("file", home, "old");
      return new Play(
          NamedOperation.link(file, to, "new"),
          Map.of("home", ONE_ENTRY, "home/old", Scene.fileLine("file", 1, 0), "to", EMPTY),
          Map.of(
              "home",
              ONE_ENTRY,
              "home/old",
              Scene.fileLine("file", 2, 0),
              "to",
              ONE_ENTRY,
              "to/new",
              Scene.fileLine("file", 2, 0)));
    }
  },

  MAKE_DIRECTORY(2) {
    @Override
    Play prepare(Scene scene) throws FsException, InterruptedException {
      InodeId parent = scene.directory("parent", COORDINATOR);
      String name = scene.freeName(parent, "made", 2);
      return new Play(
          NamedOperation.makeDirectory(parent, name),
          Map.of("parent", EMPTY),
          Map.of("parent", ONE_DIRECTORY, "parent/" + name, "directory new"));
    }
  },

  REMOVE_DIRECTORY(2) {
    @Override
    Play prepare(Scene scene) throws FsException, InterruptedException {
      InodeId parent = scene.directory("parent", COORDINATOR);
      String name = scene.freeName(parent, "gone", 2);
      InodeId _ = scene.directory("gone", parent, name);
      return new Play(
          NamedOperation.removeDirectory(parent, name),
          Map.of("parent", ONE_DIRECTORY, "parent/" + name, "directory gone", "gone", EMPTY),
          Map.of("parent", EMPTY));
    }
  },

  UNLINK_OF_LINKED_FILE(2) {
    @Override
    Play prepare(Scene scene) throws FsException, InterruptedException {
      InodeId from = scene.directory("from", COORDINATOR);
      InodeId home = scene.directory("home", 2);
      InodeId file = scene.file("file", home, "kept", SEVERAL_CHUNKS_BYTES);
      scene.link(file, from, "gone");
      String before = Scene.fileLine("file", 2, SEVERAL_CHUNKS_BYTES);
      return new Play(
          NamedOperation.unlink(from, "gone"),
          Map.of("from", ONE_ENTRY, "from/gone", before, "home", ONE_ENTRY, "home/kept", before),
          Map.of(
              "from", EMPTY,
              "home", ONE_ENTRY,
              "home/kept", Scene.fileLine("file", 1, SEVERAL_CHUNKS_BYTES)));
    }
  },

  /** An operation of one node. */
  CREATE() {
    @Override
    Play prepare(Scene scene) throws FsException, InterruptedException {
      InodeId directory = scene.directory("directory", COORDINATOR);
      return new Play(
          NamedOperation.create(directory, "new"),
          Map.of("directory", EMPTY),
          Map.of("directory", ONE_ENTRY, "directory/new", Scene.fileLine("new", 1, 0)));
    }

    @Override
    boolean reaches(CrashPoint point, int node) {
      return node == COORDINATOR && point.group() == CrashPoint.Group.LOCAL;
    }
  },

  /** Drops chunks on other nodes. */
  TRUNCATE() {
    @Override
    Play prepare(Scene scene) throws FsException, InterruptedException {
      InodeId home = scene.directory("home", COORDINATOR);
      InodeId file = scene.file("file", home, "file", SEVERAL_CHUNKS_BYTES);
      return new Play(
          NamedOperation.truncate(file, 5000),
          Map.of("home", ONE_ENTRY, "home/file", Scene.fileLine("file", 1, SEVERAL_CHUNKS_BYTES)),
          Map.of("home", ONE_ENTRY, "home/file", Scene.fileLine("file", 1, 5000)));
    }

    @Override
    boolean reaches(CrashPoint point, int node) {
      return node == COORDINATOR && point.group() == CrashPoint.Group.CUT;
    }
  },

  /** Makes a small file too large to lie beside its inode. */
  GROW() {
    @Override
    Play prepare(Scene scene) throws FsException, InterruptedException {
      InodeId home = scene.directory("home", COORDINATOR);
      InodeId file = scene.file("file", home, "file", 1000);
      return new Play(
          NamedOperation.truncate(file, SEVERAL_CHUNKS_BYTES),
          Map.of("home", ONE_ENTRY, "home/file", Scene.fileLine("file", 1, 1000)),
          Map.of("home", ONE_ENTRY, "home/file", Scene.fileLine("file", 1, SEVERAL_CHUNKS_BYTES)));
    }

    @Override
    boolean reaches(CrashPoint point, int node) {
      return node == COORDINATOR
          && (point.group() == CrashPoint.Group.INLINE || point.group() == CrashPoint.Group.LOCAL);
    }
  };

  /** The node that runs every operation. */
  static final int COORDINATOR = 1;

  /** How many nodes the scenes need. */
  static final int NODES = 4;

  private static final int SEVERAL_CHUNKS_BYTES = 1_200_000;
  private static final String EMPTY = Scene.directoryLine(2, 0);
  private static final String ONE_ENTRY = Scene.directoryLine(2, 1);
  private static final String ONE_DIRECTORY = Scene.directoryLine(3, 1);

  private final List<Integer> participants;

  Deed(Integer... participants) {
    this.participants = List.of(participants);
  }

  /** An operation, and what is to be seen before and after it. */
  record Play(NamedOperation operation, Map<String, String> before, Map<String, String> after) {
    Play {
      before = Map.copyOf(new TreeMap<>(before));
      after = Map.copyOf(new TreeMap<>(after));
    }
  }

  /** Makes what the operation needs. */
  abstract Play prepare(Scene scene) throws FsException, InterruptedException;

  /** The other nodes that keep parts of it. */
  List<Integer> participants() {
    return participants;
  }

  /** Whether a node comes past a point when the operation runs and nobody dies. */
  boolean reaches(CrashPoint point, int node) {
    return switch (point.group()) {
      case COORDINATOR -> node == COORDINATOR;
      case PARTICIPANT -> participants.contains(node);
      case LOCAL,
          CUT,
          INLINE,
          RECLAIM,
          SPREADING,
          REMOVAL,
          MIGRATION_SOURCE,
          MIGRATION_TARGET,
          MIGRATION_LEADER,
          MIGRATION_VOTER ->
          false;
    };
  }
}
