package io.adhocfs.fuse.kernel;

import io.adhocfs.protocol.model.FsException;
import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The table of requests: enum fuse_opcode of linux/fuse.h, with the handler of each request. A
 * request that is not in the table is answered ENOSYS.
 */
enum Opcode {
  LOOKUP(1, Operations::lookup),
  FORGET(2, Operations::forget),
  GETATTR(3, Operations::getAttributes),
  SETATTR(4, Operations::setAttributes),
  READLINK(5, Operations::readLink),
  SYMLINK(6, Operations::symlink),
  MKNOD(8, Operations::makeNode),
  MKDIR(9, Operations::makeDirectory),
  UNLINK(10, Operations::unlink),
  RMDIR(11, Operations::removeDirectory),
  RENAME(12, Operations::rename),
  LINK(13, Operations::link),
  OPEN(14, Operations::open),
  READ(15, Operations::read),
  WRITE(16, Operations::write),
  STATFS(17, Operations::statistics),
  RELEASE(18, Operations::release),
  FSYNC(20, Operations::fsync),
  SETXATTR(21, Operations::setExtendedAttribute),
  GETXATTR(22, Operations::getExtendedAttribute),
  LISTXATTR(23, Operations::listExtendedAttributes),
  REMOVEXATTR(24, Operations::removeExtendedAttribute),
  FLUSH(25, Operations::flush),
  INIT(26, Operations::unexpected),
  OPENDIR(27, Operations::openDirectory),
  READDIR(28, Operations::readDirectory),
  RELEASEDIR(29, Operations::succeed),
  FSYNCDIR(30, Operations::fsyncDirectory),
  GETLK(31, Operations::testLock),
  SETLK(32, Operations::setLock),
  SETLKW(33, Operations::awaitLock),
  ACCESS(34, Operations::notImplemented),
  CREATE(35, Operations::create),
  INTERRUPT(36, Operations::interrupt),
  BMAP(37, Operations::notImplemented),
  DESTROY(38, Operations::succeed),
  IOCTL(39, Operations::notImplemented),
  POLL(40, Operations::notImplemented),
  BATCH_FORGET(42, Operations::forget),
  FALLOCATE(43, Operations::allocate),
  READDIRPLUS(44, Operations::readDirectoryWithAttributes),
  RENAME2(45, Operations::renameWithFlags),
  LSEEK(46, Operations::seek),
  COPY_FILE_RANGE(47, Operations::copyRange),
  SYNCFS(50, Operations::notImplemented),
  TMPFILE(51, Operations::notImplemented),
  STATX(52, Operations::notImplemented);

  /** Handles a request: answers it, or arranges for a later answer, or throws. */
  @FunctionalInterface
  interface Handler {
    void handle(Operations operations, Incoming incoming) throws FsException;
  }

  /** Requests that do not change the inode that they name; all others may change it. */
  private static final Set<Opcode> LOOKING =
      EnumSet.of(
          LOOKUP,
          FORGET,
          GETATTR,
          READLINK,
          READ,
          STATFS,
          GETXATTR,
          LISTXATTR,
          OPENDIR,
          READDIR,
          RELEASEDIR,
          GETLK,
          ACCESS,
          INTERRUPT,
          BATCH_FORGET,
          READDIRPLUS,
          LSEEK);

  /**
   * Requests for which the thread that they name may not be waiting; this holds for some writes
   * only.
   */
  private static final Set<Opcode> PASSING =
      EnumSet.of(FORGET, READ, WRITE, RELEASE, INIT, RELEASEDIR, INTERRUPT, DESTROY, BATCH_FORGET);

  private static final @Nullable Opcode[] BY_CODE = new @Nullable Opcode[64];

  static {
    for (Opcode opcode : values()) {
      BY_CODE[opcode.code] = opcode;
    }
  }

  private final int code;

  @SuppressWarnings("ImmutableEnumChecker") // Method references without state.
  private final Handler handler;

  Opcode(int code, Handler handler) {
    this.code = code;
    this.handler = handler;
  }

  int code() {
    return code;
  }

  void handle(Operations operations, Incoming incoming) throws FsException {
    handler.handle(operations, incoming);
  }

  boolean mayChange() {
    return !LOOKING.contains(this);
  }

  /** Whether the thread that a request names surely waits for its answer. */
  boolean isWaitedFor() {
    return !PASSING.contains(this);
  }

  /** The opcode with this number; null for one that this version does not know. */
  static @Nullable Opcode ofCode(int code) {
    return code >= 0 && code < BY_CODE.length ? BY_CODE[code] : null;
  }
}
