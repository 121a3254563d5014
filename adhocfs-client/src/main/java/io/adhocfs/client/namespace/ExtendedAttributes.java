package io.adhocfs.client.namespace;

import io.adhocfs.client.routing.Answers;
import io.adhocfs.client.routing.Operation;
import io.adhocfs.client.routing.Router;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.transport.Response;
import io.adhocfs.protocol.wire.ExtendedAttributeRequest;
import io.adhocfs.protocol.wire.Reply;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;

/** Extended attributes of inodes, asked at their owners. Thread-safe. */
public final class ExtendedAttributes {
  private final Router router;
  private final LongSupplier wallClockNanos;
  private final Namespace namespace;

  /**
   * @param wallClockNanos nanoseconds since 1970
   * @param namespace tells what a spread directory is
   */
  public ExtendedAttributes(Router router, LongSupplier wallClockNanos, Namespace namespace) {
    this.router = router;
    this.wallClockNanos = wallClockNanos;
    this.namespace = namespace;
  }

  /** The value of one. */
  public CompletableFuture<byte[]> get(Operation operation, InodeId inode, byte[] name) {
    return router
        .send(operation, new ExtendedAttributeRequest.GetExtendedAttribute(inode, name))
        .thenApply(ExtendedAttributes::bytes);
  }

  /** All names. */
  public CompletableFuture<List<byte[]>> list(Operation operation, InodeId inode) {
    return router
        .send(operation, new ExtendedAttributeRequest.ListExtendedAttributes(inode))
        .thenApply(response -> names(bytes(response)));
  }

  /**
   * Sets one; answers the inode as it is then.
   *
   * @param create whether one that is there is an error
   * @param replace whether one that is not there is an error
   */
  public CompletableFuture<FileAttributes> set(
      Operation operation,
      InodeId inode,
      byte[] name,
      byte[] value,
      boolean create,
      boolean replace) {
    int mode =
        create
            ? ExtendedAttributeRequest.SetExtendedAttribute.MODE_CREATE
            : replace
                ? ExtendedAttributeRequest.SetExtendedAttribute.MODE_REPLACE
                : ExtendedAttributeRequest.SetExtendedAttribute.MODE_SET;
    return router
        .sendStamped(
            operation,
            stamp ->
                new ExtendedAttributeRequest.SetExtendedAttribute(
                    stamp, inode, name, value, mode, wallClockNanos.getAsLong()))
        .thenCompose(response -> namespace.changed(operation, inode, response));
  }

  /** Removes one; answers the inode as it is then. */
  public CompletableFuture<FileAttributes> remove(Operation operation, InodeId inode, byte[] name) {
    return router
        .sendStamped(
            operation,
            stamp ->
                new ExtendedAttributeRequest.RemoveExtendedAttribute(
                    stamp, inode, name, wallClockNanos.getAsLong()))
        .thenCompose(response -> namespace.changed(operation, inode, response));
  }

  private static byte[] bytes(Response response) {
    Reply reply = Answers.reply(response);
    if (reply instanceof Reply.Bytes answer) {
      return answer.bytes();
    }
    throw Answers.unexpected(reply);
  }

  private static List<byte[]> names(byte[] listed) {
    List<byte[]> names = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < listed.length; i++) {
      if (listed[i] == 0) {
        names.add(Arrays.copyOfRange(listed, start, i));
        start = i + 1;
      }
    }
    return names;
  }
}
