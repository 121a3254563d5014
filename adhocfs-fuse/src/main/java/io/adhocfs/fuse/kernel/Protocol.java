package io.adhocfs.fuse.kernel;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Layouts, flags and limits of the FUSE kernel protocol, version 7, as linux/fuse.h declares them;
 * each group names its struct. Offsets of request bodies count from the end of the in-header, those
 * of reply bodies from the end of the out-header. Numbers are in the machine's byte order, and may
 * be unaligned.
 */
final class Protocol {
  static final int MAJOR = 7;
  static final int MINOR_MIN = 31;
  static final int MINOR_MAX = 45;

  static final long ROOT_NODE = 1;

  /** The longest name that the kernel may send (FUSE_NAME_MAX). */
  static final int NAME_LENGTH_MAX = 1024;

  static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.nativeOrder());
  static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.nativeOrder());
  static final ValueLayout.OfLong U64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.nativeOrder());
  static final ValueLayout.OfByte U8 = ValueLayout.JAVA_BYTE;

  /** _IOR(229, 0, uint32_t): makes a second descriptor of /dev/fuse read the same mount. */
  static final long FUSE_DEV_IOC_CLONE = 0x8004e500L;

  private Protocol() {}

  /** struct fuse_in_header. */
  static final class InHeader {
    static final int LENGTH = 0;
    static final int OPCODE = 4;
    static final int UNIQUE = 8;
    static final int NODE = 16;
    static final int UID = 24;
    static final int GID = 28;
    static final int PID = 32;

    /** Extensions at the end of the request, in units of 8 bytes. */
    static final int EXTENSIONS_LENGTH = 36;

    static final int SIZE = 40;

    private InHeader() {}
  }

  /** struct fuse_out_header. The error is 0 or a negative errno. */
  static final class OutHeader {
    static final int LENGTH = 0;
    static final int ERROR = 4;
    static final int UNIQUE = 8;
    static final int SIZE = 16;

    private OutHeader() {}
  }

  /** struct fuse_init_in and fuse_init_out. */
  static final class Init {
    static final int IN_MAJOR = 0;
    static final int IN_MINOR = 4;
    static final int IN_MAX_READAHEAD = 8;
    static final int IN_FLAGS = 12;
    static final int IN_FLAGS2 = 16;
    static final int IN_SIZE_SHORT = 16;
    static final int IN_SIZE = 64;

    static final int OUT_MAJOR = 0;
    static final int OUT_MINOR = 4;
    static final int OUT_MAX_READAHEAD = 8;
    static final int OUT_FLAGS = 12;
    static final int OUT_MAX_BACKGROUND = 16;
    static final int OUT_CONGESTION_THRESHOLD = 18;
    static final int OUT_MAX_WRITE = 20;
    static final int OUT_TIME_GRANULARITY = 24;
    static final int OUT_MAX_PAGES = 28;
    static final int OUT_FLAGS2 = 32;
    static final int OUT_SIZE = 64;

    static final long ASYNC_READ = 1L;
    static final long POSIX_LOCKS = 1L << 1;
    static final long ATOMIC_O_TRUNC = 1L << 3;
    static final long EXPORT_SUPPORT = 1L << 4;
    static final long BIG_WRITES = 1L << 5;
    static final long FLOCK_LOCKS = 1L << 10;
    static final long AUTO_INVAL_DATA = 1L << 12;
    static final long DO_READDIRPLUS = 1L << 13;
    static final long READDIRPLUS_AUTO = 1L << 14;
    static final long ASYNC_DIO = 1L << 15;
    static final long PARALLEL_DIROPS = 1L << 18;
    static final long MAX_PAGES = 1L << 22;
    static final long HANDLE_KILLPRIV_V2 = 1L << 28;
    static final long INIT_EXT = 1L << 30;
    static final long DIRECT_IO_ALLOW_MMAP = 1L << 36;

    private Init() {}
  }

  /** struct fuse_attr. */
  static final class Attr {
    static final int INODE = 0;
    static final int SIZE_BYTES = 8;
    static final int BLOCKS = 16;
    static final int ATIME = 24;
    static final int MTIME = 32;
    static final int CTIME = 40;
    static final int ATIME_NANOS = 48;
    static final int MTIME_NANOS = 52;
    static final int CTIME_NANOS = 56;
    static final int MODE = 60;
    static final int LINK_COUNT = 64;
    static final int UID = 68;
    static final int GID = 72;
    static final int DEVICE = 76;
    static final int BLOCK_SIZE = 80;
    static final int FLAGS = 84;
    static final int SIZE = 88;

    private Attr() {}
  }

  /** struct fuse_entry_out. Timeouts are seconds and nanoseconds. */
  static final class EntryOut {
    static final int NODE = 0;
    static final int GENERATION = 8;
    static final int ENTRY_VALID = 16;
    static final int ATTR_VALID = 24;
    static final int ENTRY_VALID_NANOS = 32;
    static final int ATTR_VALID_NANOS = 36;
    static final int ATTR = 40;
    static final int SIZE = ATTR + Attr.SIZE;

    private EntryOut() {}
  }

  /** struct fuse_notify_inval_inode_out, a notice that the kernel has not asked for. */
  static final class InvalidInode {
    /** In place of an error in the header: FUSE_NOTIFY_INVAL_INODE. */
    static final int CODE = 2;

    static final int NODE = 0;
    static final int OFFSET = 8;
    static final int LENGTH = 16;
    static final int SIZE = 24;

    /** An offset: no pages. */
    static final long ATTRIBUTES_ONLY = -1;

    private InvalidInode() {}
  }

  /** struct fuse_notify_store_out, a notice that the kernel has not asked for; then the data. */
  static final class Store {
    /** In place of an error in the header: FUSE_NOTIFY_STORE. */
    static final int CODE = 4;

    static final int NODE = 0;
    static final int OFFSET = 8;
    static final int LENGTH = 16;
    static final int SIZE = 24;

    private Store() {}
  }

  /** struct fuse_attr_out. */
  static final class AttrOut {
    static final int ATTR_VALID = 0;
    static final int ATTR_VALID_NANOS = 8;
    static final int ATTR = 16;
    static final int SIZE = ATTR + Attr.SIZE;

    private AttrOut() {}
  }

  /** struct fuse_getattr_in. */
  static final class GetattrIn {
    static final int FLAGS = 0;
    static final int HANDLE = 8;
    static final int SIZE = 16;

    /** FUSE_GETATTR_FH: the handle is valid. */
    static final int HAS_HANDLE = 1;

    private GetattrIn() {}
  }

  /** struct fuse_setattr_in, and which of its fields are set (FATTR_...). */
  static final class SetattrIn {
    static final int VALID = 0;
    static final int HANDLE = 8;
    static final int SIZE_BYTES = 16;
    static final int ATIME = 32;
    static final int MTIME = 40;
    static final int CTIME = 48;
    static final int ATIME_NANOS = 56;
    static final int MTIME_NANOS = 60;
    static final int CTIME_NANOS = 64;
    static final int MODE = 68;
    static final int UID = 76;
    static final int GID = 80;
    static final int SIZE = 88;

    static final int HAS_MODE = 1;
    static final int HAS_UID = 1 << 1;
    static final int HAS_GID = 1 << 2;
    static final int HAS_SIZE = 1 << 3;
    static final int HAS_ATIME = 1 << 4;
    static final int HAS_MTIME = 1 << 5;
    static final int HAS_HANDLE = 1 << 6;
    static final int HAS_CTIME = 1 << 10;
    static final int KILL_SET_ID = 1 << 11;
    static final int ALL_ATTRIBUTES =
        HAS_MODE | HAS_UID | HAS_GID | HAS_SIZE | HAS_ATIME | HAS_MTIME | HAS_CTIME;

    private SetattrIn() {}
  }

  /** struct fuse_mknod_in, then the name. */
  static final class MknodIn {
    static final int MODE = 0;
    static final int DEVICE = 4;
    static final int SIZE = 16;

    private MknodIn() {}
  }

  /** struct fuse_mkdir_in, then the name. */
  static final class MkdirIn {
    static final int MODE = 0;
    static final int SIZE = 8;

    private MkdirIn() {}
  }

  /** struct fuse_rename_in, then the old and the new name. */
  static final class RenameIn {
    static final int NEW_DIRECTORY = 0;
    static final int SIZE = 8;

    private RenameIn() {}
  }

  /** struct fuse_rename2_in, then the old and the new name. */
  static final class Rename2In {
    static final int NEW_DIRECTORY = 0;
    static final int FLAGS = 8;
    static final int SIZE = 16;

    private Rename2In() {}
  }

  /** struct fuse_link_in, then the new name. The header's node is the new directory. */
  static final class LinkIn {
    static final int OLD_NODE = 0;
    static final int SIZE = 8;

    private LinkIn() {}
  }

  /** struct fuse_open_in. */
  static final class OpenIn {
    static final int FLAGS = 0;
    static final int OPEN_FLAGS = 4;
    static final int SIZE = 8;

    /** FUSE_OPEN_KILL_SUIDGID. */
    static final int KILL_SET_ID = 1;

    private OpenIn() {}
  }

  /** struct fuse_create_in, then the name. */
  static final class CreateIn {
    static final int FLAGS = 0;
    static final int MODE = 4;
    static final int OPEN_FLAGS = 12;
    static final int SIZE = 16;

    private CreateIn() {}
  }

  /** struct fuse_open_out, with its FOPEN_ flags. */
  static final class OpenOut {
    static final int HANDLE = 0;
    static final int FLAGS = 8;
    static final int SIZE = 16;

    static final int DIRECT_IO = 1;
    static final int KEEP_CACHE = 1 << 1;
    static final int PARALLEL_DIRECT_WRITES = 1 << 6;

    private OpenOut() {}
  }

  /** struct fuse_read_in, for files and directories. */
  static final class ReadIn {
    static final int HANDLE = 0;
    static final int OFFSET = 8;
    static final int LENGTH = 16;
    static final int SIZE = 40;

    private ReadIn() {}
  }

  /** struct fuse_write_in, then the data. */
  static final class WriteIn {
    static final int HANDLE = 0;
    static final int OFFSET = 8;
    static final int LENGTH = 16;
    static final int WRITE_FLAGS = 20;

    /** The descriptor's flags at the moment, as fcntl(2) may have changed them. */
    static final int OPEN_FLAGS = 32;

    static final int SIZE = 40;

    /** FUSE_WRITE_CACHE: pages of the cache, through any handle that may write. */
    static final int FROM_CACHE = 1;

    /** FUSE_WRITE_KILL_SUIDGID. */
    static final int KILL_SET_ID = 1 << 2;

    private WriteIn() {}
  }

  /** struct fuse_write_out. */
  static final class WriteOut {
    static final int LENGTH = 0;
    static final int SIZE = 8;

    private WriteOut() {}
  }

  /** struct fuse_fallocate_in. */
  static final class FallocateIn {
    static final int HANDLE = 0;
    static final int OFFSET = 8;
    static final int LENGTH = 16;
    static final int MODE = 24;
    static final int SIZE = 32;

    private FallocateIn() {}
  }

  /** struct fuse_lseek_in, and fuse_lseek_out. */
  static final class Lseek {
    static final int HANDLE = 0;
    static final int OFFSET = 8;
    static final int WHENCE = 16;
    static final int SIZE = 24;

    static final int OUT_OFFSET = 0;
    static final int OUT_SIZE = 8;

    static final int SEEK_DATA = 3;
    static final int SEEK_HOLE = 4;

    private Lseek() {}
  }

  /** struct fuse_copy_file_range_in; answered by fuse_write_out. */
  static final class CopyFileRangeIn {
    static final int HANDLE = 0;
    static final int OFFSET = 8;
    static final int TARGET_NODE = 16;
    static final int TARGET_HANDLE = 24;
    static final int TARGET_OFFSET = 32;
    static final int LENGTH = 40;
    static final int FLAGS = 48;
    static final int SIZE = 56;

    private CopyFileRangeIn() {}
  }

  /** struct fuse_file_lock: F_RDLCK, F_WRLCK and F_UNLCK, the last byte included. */
  static final class FileLockField {
    static final int START = 0;
    static final int END = 8;
    static final int TYPE = 16;
    static final int PID = 20;
    static final int SIZE = 24;

    static final int READ = 0;
    static final int WRITE = 1;
    static final int UNLOCK = 2;

    private FileLockField() {}
  }

  /** struct fuse_lk_in. struct fuse_lk_out is a fuse_file_lock. */
  static final class LkIn {
    static final int HANDLE = 0;
    static final int OWNER = 8;
    private static final int LOCK = 16;
    static final int START = LOCK + FileLockField.START;
    static final int END = LOCK + FileLockField.END;
    static final int TYPE = LOCK + FileLockField.TYPE;
    static final int PID = LOCK + FileLockField.PID;
    static final int FLAGS = LOCK + FileLockField.SIZE;
    static final int SIZE = FLAGS + 8;

    /** FUSE_LK_FLOCK. */
    static final int FLOCK = 1;

    private LkIn() {}
  }

  /** struct fuse_release_in and fuse_flush_in; only the handle of fuse_release_in is read. */
  static final class HandleIn {
    static final int HANDLE = 0;
    static final int LOCK_OWNER = 16;
    static final int SIZE = 24;

    private HandleIn() {}
  }

  /** struct fuse_fsync_in. */
  static final class FsyncIn {
    static final int HANDLE = 0;
    static final int FLAGS = 8;
    static final int SIZE = 16;

    /** FUSE_FSYNC_FDATASYNC. */
    static final int DATA_ONLY = 1;

    private FsyncIn() {}
  }

  /** struct fuse_setxattr_in in its older form, then the name, then the value. */
  static final class SetxattrIn {
    static final int LENGTH = 0;
    static final int FLAGS = 4;
    static final int SIZE = 8;

    private SetxattrIn() {}
  }

  /**
   * struct fuse_getxattr_in, then, of getxattr, the name. Length 0 asks for the length of the
   * value.
   */
  static final class GetxattrIn {
    static final int LENGTH = 0;
    static final int SIZE = 8;

    private GetxattrIn() {}
  }

  /** struct fuse_getxattr_out: the answer to length 0. */
  static final class GetxattrOut {
    static final int LENGTH = 0;
    static final int SIZE = 8;

    private GetxattrOut() {}
  }

  /** struct fuse_interrupt_in. */
  static final class InterruptIn {
    static final int UNIQUE = 0;
    static final int SIZE = 8;

    private InterruptIn() {}
  }

  /** struct fuse_kstatfs. */
  static final class Statfs {
    static final int BLOCKS = 0;
    static final int BLOCKS_FREE = 8;
    static final int BLOCKS_AVAILABLE = 16;
    static final int FILES = 24;
    static final int FILES_FREE = 32;
    static final int BLOCK_SIZE = 40;
    static final int NAME_LENGTH_MAX = 44;
    static final int FRAGMENT_SIZE = 48;
    static final int SIZE = 80;

    private Statfs() {}
  }

  /** struct fuse_dirent: then the name, then zeros up to a multiple of 8 bytes. */
  static final class Dirent {
    static final int INODE = 0;
    static final int NEXT_COOKIE = 8;
    static final int NAME_LENGTH = 16;
    static final int TYPE = 20;
    static final int NAME = 24;

    private Dirent() {}

    static int sizeBytes(int nameLength) {
      return (NAME + nameLength + 7) & ~7;
    }
  }
}
