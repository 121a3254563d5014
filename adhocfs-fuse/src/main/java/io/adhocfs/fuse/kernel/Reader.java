package io.adhocfs.fuse.kernel;

import io.adhocfs.fuse.Errnos;
import io.adhocfs.protocol.model.FsException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes requests from one descriptor of /dev/fuse and hands them over, until the mount is gone. No
 * request ends the reader: a request that cannot be decoded, or that makes the file system throw,
 * is answered with an error and logged.
 */
final class Reader implements Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(Reader.class);

  /** Room for headers and names beside the data of a write. */
  private static final int OVERHEAD_BYTES = 4096;

  private final Session session;
  private final int descriptor;
  private final Operations operations;

  Reader(Session session, int descriptor) {
    this.session = session;
    this.descriptor = descriptor;
    this.operations = new Operations(session.fileSystem());
  }

  @Override
  public void run() {
    int bufferSize = session.ioLengthBytesMax() + OVERHEAD_BYTES;
    NativeBuffer buffer = NativeBuffer.allocate(bufferSize);
    try {
      Incoming incoming = new Incoming(session, descriptor, buffer);
      while (true) {
        long read = LinuxCalls.read(descriptor, buffer.segment(), bufferSize);
        if (read == 0) {
          LOG.error("/dev/fuse has reported an end of file: it is not a FUSE device");
          return;
        }
        if (read > 0) {
          handle(incoming, buffer, read);
          if (!buffer.isOursAlone()) {
            // A write still holds a slice of the buffer.
            buffer.release();
            buffer = NativeBuffer.allocate(bufferSize);
          }
        } else if (!isPassing((int) -read)) {
          return;
        }
      }
    } catch (Throwable defect) {
      LOG.error("a FUSE reader stops", defect);
      throw defect;
    } finally {
      buffer.release();
      session.readerEnded();
    }
  }

  /** Whether the next read may succeed after a failed one; logs any error but an ordinary end. */
  private static boolean isPassing(int errno) {
    return switch (errno) {
      // EINTR: a signal; ENOENT: the program gave up before its request was read.
      case Errnos.EINTR, Errnos.ENOENT, Errnos.EAGAIN -> true;
      // The file system was unmounted, or cut off through /sys/fs/fuse/connections.
      case Errnos.ENODEV, Errnos.ECONNABORTED -> false;
      default -> {
        LOG.error("reading from /dev/fuse failed: {}", LinuxCalls.describe(-errno));
        yield false;
      }
    };
  }

  private void handle(Incoming incoming, NativeBuffer buffer, long lengthBytes) {
    if (!incoming.take(buffer, lengthBytes)) {
      LOG.error("the kernel sent {} bytes that are not a request", lengthBytes);
      return;
    }
    Opcode opcode = Opcode.ofCode(incoming.opcode());
    if (opcode == null) {
      operations.notImplemented(incoming);
      return;
    }
    if (opcode != Opcode.GETATTR) {
      session.told().callGoesOn(incoming.pid());
    }
    if (opcode.isWaitedFor()) {
      long _ = session.pages().waits(incoming.pid());
    }
    if (opcode.mayChange()) {
      incoming.beginChange();
    }
    try {
      opcode.handle(operations, incoming);
    } catch (FsException refused) {
      LOG.debug("{} of inode {} refused", opcode, incoming.node(), refused);
      incoming.answer(Errnos.of(refused.error()));
    } catch (Throwable defect) {
      LOG.error("{} of inode {} failed", opcode, incoming.node(), defect);
      incoming.answer(Errnos.EIO);
    }
  }
}
