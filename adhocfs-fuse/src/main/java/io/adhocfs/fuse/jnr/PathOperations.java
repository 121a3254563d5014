package io.adhocfs.fuse.jnr;

import io.adhocfs.fuse.Caller;
import io.adhocfs.fuse.Errnos;
import io.adhocfs.fuse.InodeFileSystem;
import io.adhocfs.fuse.InodeFileSystem.Statistics;
import io.adhocfs.protocol.model.AttributeChange;
import io.adhocfs.protocol.model.EntryName;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FileType;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.NewInode;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * File-system calls by path, as libfuse makes them, on a file system of inodes. Blocking; every
 * call splits the path and looks each name up. Thread-safe.
 */
final class PathOperations {
  private static final long NO_HANDLE = -1;

  /** How often a path is walked if its inode is gone by the time it is used. */
  private static final int WALKS_MAX = 8;

  /** An open file: libfuse keeps one number for a file, and we need two. */
  record OpenFile(long inode, long handle) {}

  /** What a path means: a name in a directory. */
  private record Place(long directory, EntryName name) {}

  private final InodeFileSystem fileSystem;
  private final Duration timeout;
  private final Supplier<Caller> caller;
  private final Map<Long, OpenFile> openFiles = new ConcurrentHashMap<>();
  private final AtomicLong lastNumber = new AtomicLong();

  /**
   * @param timeout how long a call waits for the file system's answer before the call fails with
   *     TIMED_OUT
   * @param caller tells for which caller the current thread works
   */
  PathOperations(InodeFileSystem fileSystem, Duration timeout, Supplier<Caller> caller) {
    this.fileSystem = fileSystem;
    this.timeout = timeout;
    this.caller = caller;
  }

  private Answer answer() {
    return new Answer(caller.get(), timeout);
  }

  FileAttributes attributes(byte[] path) throws FsException {
    long directory = InodeId.ROOT.value();
    FileAttributes found = null;
    for (EntryName name : names(path)) {
      found = lookup(directory, name);
      directory = found.id().value();
    }
    return found != null ? found : attributes(directory, NO_HANDLE);
  }

  private FileAttributes attributes(long inode, long handle) throws FsException {
    Answer answer = answer();
    fileSystem.getAttributes(answer, inode, handle, answer);
    return answer.await(FileAttributes.class);
  }

  FileAttributes attributes(long number) throws FsException {
    OpenFile file = openFile(number);
    return attributes(file.inode(), file.handle());
  }

  private FileAttributes lookup(long directory, EntryName name) throws FsException {
    Answer answer = answer();
    fileSystem.lookup(answer, directory, name, answer);
    return answer.await(FileAttributes.class);
  }

  private long inode(byte[] path) throws FsException {
    return attributes(path).id().value();
  }

  /** The call on the inode that a path names. */
  @FunctionalInterface
  private interface InodeCall<T> {
    T run(long inode) throws FsException;
  }

  /**
   * Makes a call on the inode of a path. If the inode has gone between the walk and the call, for
   * example because another program has renamed a new file over it, the path is walked again.
   */
  private <T> T onInode(byte[] path, InodeCall<T> call) throws FsException {
    for (int attempt = 1; ; attempt++) {
      long inode = inode(path);
      try {
        return call.run(inode);
      } catch (FsException refused) {
        if (refused.error() != FsError.NOT_FOUND || attempt == WALKS_MAX) {
          throw refused;
        }
      }
    }
  }

  /** The last name of a path, and the inode of the directory in which it lies. */
  private Place place(byte[] path) throws FsException {
    List<EntryName> names = names(path);
    if (names.isEmpty()) {
      throw new FsException(FsError.BUSY, "the root has no name");
    }
    long directory = InodeId.ROOT.value();
    for (EntryName name : names.subList(0, names.size() - 1)) {
      directory = lookup(directory, name).id().value();
    }
    return new Place(directory, names.getLast());
  }

  static List<EntryName> names(byte[] path) throws FsException {
    List<EntryName> names = new ArrayList<>();
    int start = 0;
    for (int i = 0; i <= path.length; i++) {
      if (i == path.length || path[i] == '/') {
        if (i > start) {
          names.add(EntryName.of(Arrays.copyOfRange(path, start, i)));
        }
        start = i + 1;
      }
    }
    return names;
  }

  byte[] readLink(byte[] path) throws FsException {
    return onInode(
        path,
        inode -> {
          Answer answer = answer();
          fileSystem.readLink(answer, inode, answer);
          return answer.await(byte[].class);
        });
  }

  void makeNode(byte[] path, int mode, long deviceNumber) throws FsException {
    Place place = place(path);
    Answer answer = answer();
    NewInode node =
        NewInode.node(
            FileType.ofMode(mode),
            mode & FileAttributes.MODE_MASK,
            answer.caller().owner(),
            deviceNumber);
    fileSystem.make(answer, place.directory(), place.name(), node, answer);
    answer.await();
  }

  void makeDirectory(byte[] path, int mode) throws FsException {
    Place place = place(path);
    Answer answer = answer();
    NewInode made = NewInode.directory(mode & FileAttributes.MODE_MASK, answer.caller().owner());
    fileSystem.make(answer, place.directory(), place.name(), made, answer);
    answer.await();
  }

  void symlink(byte[] target, byte[] path) throws FsException {
    Place place = place(path);
    Answer answer = answer();
    NewInode link = NewInode.symlink(target, answer.caller().owner());
    fileSystem.make(answer, place.directory(), place.name(), link, answer);
    answer.await();
  }

  void unlink(byte[] path) throws FsException {
    Place place = place(path);
    Answer answer = answer();
    fileSystem.unlink(answer, place.directory(), place.name(), answer);
    answer.await();
  }

  void removeDirectory(byte[] path) throws FsException {
    Place place = place(path);
    Answer answer = answer();
    fileSystem.removeDirectory(answer, place.directory(), place.name(), answer);
    answer.await();
  }

  void rename(byte[] path, byte[] newPath) throws FsException {
    Place from = place(path);
    Place to = place(newPath);
    Answer answer = answer();
    fileSystem.rename(answer, from.directory(), from.name(), to.directory(), to.name(), 0, answer);
    answer.await();
  }

  void link(byte[] path, byte[] newPath) throws FsException {
    long inode = inode(path);
    Place to = place(newPath);
    Answer answer = answer();
    fileSystem.link(answer, inode, to.directory(), to.name(), answer);
    answer.await();
  }

  void changeAttributes(byte[] path, AttributeChange change) throws FsException {
    change(path, change, OptionalLong.empty());
  }

  void truncate(byte[] path, long sizeBytes) throws FsException {
    change(path, AttributeChange.NONE, OptionalLong.of(sizeBytes));
  }

  private void change(byte[] path, AttributeChange change, OptionalLong sizeBytes)
      throws FsException {
    onInode(
        path,
        inode -> {
          change(inode, NO_HANDLE, change, sizeBytes);
          return inode;
        });
  }

  void truncate(long number, long sizeBytes) throws FsException {
    OpenFile file = openFile(number);
    change(file.inode(), file.handle(), AttributeChange.NONE, OptionalLong.of(sizeBytes));
  }

  private void change(long inode, long handle, AttributeChange change, OptionalLong sizeBytes)
      throws FsException {
    Answer answer = answer();
    fileSystem.setAttributes(answer, inode, handle, change, sizeBytes, answer);
    answer.await();
  }

  Answer.Opened open(byte[] path, int flags) throws FsException {
    return onInode(
        path,
        inode -> {
          Answer answer = answer();
          fileSystem.open(answer, inode, flags, answer);
          return remember(inode, answer.await(Answer.Opened.class));
        });
  }

  Answer.Opened create(byte[] path, int mode, int flags) throws FsException {
    Place place = place(path);
    Answer answer = answer();
    NewInode file = NewInode.regularFile(mode & FileAttributes.MODE_MASK, answer.caller().owner());
    fileSystem.create(answer, place.directory(), place.name(), file, flags, answer);
    Answer.Opened opened = answer.await(Answer.Opened.class);
    FileAttributes attributes = opened.attributes();
    if (attributes == null) {
      throw new IllegalStateException("create was answered without attributes");
    }
    return remember(attributes.id().value(), opened);
  }

  /** The same answer, with our number in place of the file system's handle. */
  private Answer.Opened remember(long inode, Answer.Opened opened) {
    long number = lastNumber.incrementAndGet();
    openFiles.put(number, new OpenFile(inode, opened.handle()));
    return new Answer.Opened(opened.attributes(), number, opened.mode());
  }

  private OpenFile openFile(long number) throws FsException {
    OpenFile file = openFiles.get(number);
    if (file == null) {
      throw new FsException(FsError.BAD_HANDLE, "open file " + number);
    }
    return file;
  }

  /** The caller releases the bytes. */
  ByteBuf read(long number, long offset, int lengthBytes) throws FsException {
    OpenFile file = openFile(number);
    Answer answer = answer();
    fileSystem.read(answer, file.inode(), file.handle(), offset, lengthBytes, answer);
    return answer.await(ByteBuf.class);
  }

  /** Takes the array over, since the answer may come after the deadline. */
  int write(long number, long offset, byte[] data) throws FsException {
    OpenFile file = openFile(number);
    Answer answer = answer();
    fileSystem.write(
        answer, file.inode(), file.handle(), offset, Unpooled.wrappedBuffer(data), answer);
    return answer.await(Integer.class);
  }

  void flush(long number) throws FsException {
    OpenFile file = openFile(number);
    Answer answer = answer();
    fileSystem.flush(answer, file.inode(), file.handle(), answer);
    answer.await();
  }

  void release(long number) throws FsException {
    OpenFile file = openFile(number);
    openFiles.remove(number);
    Answer answer = answer();
    fileSystem.release(answer, file.inode(), file.handle(), answer);
    answer.await();
  }

  void fsync(long number, boolean dataOnly) throws FsException {
    OpenFile file = openFile(number);
    Answer answer = answer();
    fileSystem.fsync(answer, file.inode(), file.handle(), dataOnly, answer);
    answer.await();
  }

  void fsyncDirectory(byte[] path, boolean dataOnly) throws FsException {
    long inode = inode(path);
    Answer answer = answer();
    fileSystem.fsyncDirectory(answer, inode, dataOnly, answer);
    answer.await();
  }

  /** Some entries behind a cookie; none = there are no more. */
  List<Listing.Entry> list(long inode, long cookie) throws FsException {
    Answer answer = answer();
    Listing listing = new Listing(answer);
    fileSystem.readDirectory(answer, inode, cookie, false, listing);
    answer.await();
    return listing.entries();
  }

  long directory(byte[] path) throws FsException {
    return inode(path);
  }

  Statistics statistics() throws FsException {
    Answer answer = answer();
    fileSystem.statistics(answer, answer);
    return answer.await(Statistics.class);
  }

  /** The value that libfuse wants for a call that failed. */
  static int result(@Nullable Throwable failure) {
    return failure instanceof FsException refused ? -Errnos.of(refused.error()) : -Errnos.EIO;
  }
}
