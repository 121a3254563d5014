package io.adhocfs.fuse.kernel;

import io.adhocfs.fuse.Errnos;
import io.adhocfs.protocol.model.FsException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes requests from one descriptor of /dev/fuse and hands them over, until the mount is gone. No
 * request ends it: what cannot be decoded or makes the file system throw is answered and logged.
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
          LOG.error("the FUSE device has an end: it is none");
          return;
        }
        if (read > 0) {
          handle(incoming, buffer, read);
          if (!buffer.isOursAlone()) {
            // A write keeps a slice of it.
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

  /** Whether a failed read says nothing about the next one; logs what is not an ordinary end. */
  private static boolean isPassing(int errno) {
    return switch (errno) {
      // EINTR: a signal; ENOENT: the program gave up before its request was read.
      case Errnos.EINTR, Errnos.ENOENT, Errnos.EAGAIN -> true;
      // Unmounted, or cut off through /sys/fs/fuse/connections.
      case Errnos.ENODEV, Errnos.ECONNABORTED -> false;
      default -> {
        LOG.error("reading from /dev/fuse failed: {}", LinuxCalls.describe(-errno));
        yield false;
      }
    };
  }

  private void handle(Incoming incoming, NativeBuffer buffer, long lengthBytes) {
    if (!incoming.take(buffer, lengthBytes)) {
      LOG.error("the kernel sent {} bytes that are no request", lengthBytes);
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
