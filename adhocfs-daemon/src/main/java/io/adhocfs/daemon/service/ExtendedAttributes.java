package io.adhocfs.daemon.service;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.adhocfs.daemon.metadata.AttributeEdit;
import io.adhocfs.daemon.metadata.Batch;
import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.StoredAttribute;
import io.adhocfs.daemon.session.Session;
import io.adhocfs.daemon.session.Ticket;
import io.adhocfs.daemon.transaction.KeyLocks;
import io.adhocfs.daemon.transaction.LockKey;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.transport.RequestHandler.Exchange;
import io.adhocfs.protocol.wire.ExtendedAttributeRequest;
import io.adhocfs.protocol.wire.Reply;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Extended attributes: one record each, and a flag in the inode that tells whether there are any,
 * so that nobody has to look for the usual none.
 *
 * <p>Each operation does all of it, the answer included, or nothing; a key that it returns is the
 * one to wait for before it is run again. Metadata thread only.
 */
final class ExtendedAttributes {
  private static final byte[] USER = "user.".getBytes(US_ASCII);
  private static final byte[] TRUSTED = "trusted.".getBytes(US_ASCII);
  private static final byte[] SECURITY = "security.".getBytes(US_ASCII);
  private static final List<byte[]> NAMESPACES = List.of(USER, TRUSTED, SECURITY);

  private final MetadataStore store;
  private final KeyLocks locks;
  private final InodeAccess inodes;
  private final OperationRunner runner;

  ExtendedAttributes(
      MetadataStore store, KeyLocks locks, InodeAccess inodes, OperationRunner runner) {
    this.store = store;
    this.locks = locks;
    this.inodes = inodes;
    this.runner = runner;
  }

  /**
   * Answers a request of a slot of this node, now or later.
   *
   * @throws FsException what to answer
   */
  void handle(Exchange exchange, Session session, ExtendedAttributeRequest request)
      throws FsException {
    int slot = request.slotValue();
    switch (request) {
      case ExtendedAttributeRequest.GetExtendedAttribute get ->
          runner.run(OperationRunner.failing(exchange), () -> get(exchange, get));
      case ExtendedAttributeRequest.ListExtendedAttributes list ->
          runner.run(OperationRunner.failing(exchange), () -> list(exchange, list));
      case ExtendedAttributeRequest.SetExtendedAttribute set ->
          runner.once(exchange, session, set.stamp(), slot, runner.growing(t -> set(t, set)));
      case ExtendedAttributeRequest.RemoveExtendedAttribute remove ->
          runner.once(exchange, session, remove.stamp(), slot, t -> remove(t, remove));
    }
  }

  @Nullable LockKey get(Exchange exchange, ExtendedAttributeRequest.GetExtendedAttribute request)
      throws FsException {
    LockKey held = locks.promisedInode(request.inode());
    if (held != null) {
      return held;
    }
    requireName(request.name());
    byte[] value =
        inodes.existing(request.inode()).hasExtendedAttributes()
            ? store.extendedAttribute(request.inode(), request.name())
            : null;
    if (value == null) {
      throw noAttribute(request.inode());
    }
    exchange.reply(new Reply.Bytes(value));
    return null;
  }

  @Nullable LockKey list(Exchange exchange, ExtendedAttributeRequest.ListExtendedAttributes request)
      throws FsException {
    LockKey held = locks.promisedInode(request.inode());
    if (held != null) {
      return held;
    }
    var names = new ByteArrayOutputStream();
    if (inodes.existing(request.inode()).hasExtendedAttributes()) {
      for (StoredAttribute attribute : store.extendedAttributes(request.inode())) {
        names.writeBytes(attribute.name());
        names.write(0);
      }
    }
    exchange.reply(new Reply.Bytes(names.toByteArray()));
    return null;
  }

  @Nullable LockKey set(Ticket ticket, ExtendedAttributeRequest.SetExtendedAttribute request)
      throws FsException {
    LockKey held = locks.promisedInode(request.inode());
    if (held != null) {
      return held;
    }
    byte[] name = request.name();
    requireName(name);
    if (request.value().length > ExtendedAttributeRequest.VALUE_BYTES_MAX) {
      throw new FsException(
          FsError.ATTRIBUTE_TOO_BIG, "a value of " + request.value().length + " bytes");
    }
    FileAttributes before = inodes.existing(request.inode());
    List<StoredAttribute> present =
        before.hasExtendedAttributes() ? store.extendedAttributes(before.id()) : List.of();
    boolean there = present.stream().anyMatch(one -> Arrays.equals(one.name(), name));
    switch (request.mode()) {
      case ExtendedAttributeRequest.SetExtendedAttribute.MODE_SET -> {}
      case ExtendedAttributeRequest.SetExtendedAttribute.MODE_CREATE -> {
        if (there) {
          throw new FsException(
              FsError.EXISTS, "inode " + before.id() + " has an attribute of this name");
        }
      }
      case ExtendedAttributeRequest.SetExtendedAttribute.MODE_REPLACE -> {
        if (!there) {
          throw noAttribute(before.id());
        }
      }
      default -> throw new FsException(FsError.INVALID, "a mode of " + request.mode());
    }
    requireRoom(present, name, request.value().length);
    Batch batch = store.batch();
    batch.putExtendedAttribute(before.id(), name, request.value());
    inodes.change(
        ticket,
        batch,
        AttributeEdit.of(before).hasExtendedAttributes(true).touched(request.nowNanos()).done());
    return null;
  }

  @Nullable LockKey remove(Ticket ticket, ExtendedAttributeRequest.RemoveExtendedAttribute request)
      throws FsException {
    LockKey held = locks.promisedInode(request.inode());
    if (held != null) {
      return held;
    }
    requireName(request.name());
    FileAttributes before = inodes.existing(request.inode());
    if (!before.hasExtendedAttributes()
        || store.extendedAttribute(before.id(), request.name()) == null) {
      throw noAttribute(before.id());
    }
    boolean last = store.extendedAttributes(before.id()).size() == 1;
    Batch batch = store.batch();
    batch.removeExtendedAttribute(before.id(), request.name());
    inodes.change(
        ticket,
        batch,
        AttributeEdit.of(before).hasExtendedAttributes(!last).touched(request.nowNanos()).done());
    return null;
  }

  private static FsException noAttribute(InodeId inode) {
    return new FsException(
        FsError.NO_ATTRIBUTE, "inode " + inode + " has no attribute of this name");
  }

  /** Lists must fit what listxattr(2) can tell, and an inode's attributes a moment's work. */
  private static void requireRoom(List<StoredAttribute> present, byte[] name, int valueBytes)
      throws FsException {
    int names = name.length + 1;
    int values = valueBytes;
    for (StoredAttribute one : present) {
      if (!Arrays.equals(one.name(), name)) {
        names += one.name().length + 1;
        values += one.valueBytes();
      }
    }
    if (names > ExtendedAttributeRequest.NAMES_BYTES_MAX
        || names + values > ExtendedAttributeRequest.TOTAL_BYTES_MAX) {
      throw new FsException(
          FsError.NO_SPACE,
          "extended attributes of " + names + " bytes of names and " + values + " of values");
    }
  }

  private static void requireName(byte[] name) throws FsException {
    if (name.length > ExtendedAttributeRequest.NAME_BYTES_MAX) {
      throw new FsException(
          FsError.ATTRIBUTE_TOO_BIG, "an attribute's name of " + name.length + " bytes");
    }
    for (byte b : name) {
      if (b == 0) {
        throw new FsException(FsError.INVALID, "an attribute's name with a 0 in it");
      }
    }
    for (byte[] namespace : NAMESPACES) {
      if (name.length >= namespace.length
          && Arrays.equals(name, 0, namespace.length, namespace, 0, namespace.length)) {
        if (name.length == namespace.length) {
          throw new FsException(FsError.INVALID, "an attribute without a name in its namespace");
        }
        return;
      }
    }
    // Access control lists (system.posix_acl_...) too: nobody would obey them.
    throw new FsException(FsError.NOT_SUPPORTED, "an attribute of an unknown namespace");
  }
}
