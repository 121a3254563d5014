package io.adhocfs.fuse;

import io.adhocfs.client.InodeOperations;
import io.adhocfs.fuse.InodeFileSystem.BytesReply;
import io.adhocfs.fuse.InodeFileSystem.DoneReply;
import io.adhocfs.fuse.InodeFileSystem.Reply;
import io.adhocfs.fuse.InodeFileSystem.Request;
import io.adhocfs.protocol.model.FsError;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;

/**
 * Extended attributes of inodes: attributes that programs store, and the switches that go by names
 * of their own (see {@link ExtendedAttributeNames}). Thread-safe.
 */
final class ExtendedAttributes {
  private final InodeOperations inodes;
  private final Answers answers;
  private final SwitchAttributes switches;
  private final FailureLog failures;

  /**
   * The extended attributes of all inodes.
   *
   * @param failures why switches are refused
   */
  ExtendedAttributes(
      InodeOperations inodes, Answers answers, SwitchAttributes switches, FailureLog failures) {
    this.inodes = inodes;
    this.answers = answers;
    this.switches = switches;
    this.failures = failures;
  }

  void set(Request request, InodeId inode, byte[] name, byte[] value, int flags, DoneReply reply) {
    String switchKey = ExtendedAttributeNames.switchKey(name);
    if (switchKey != null) {
      answers.answer(
          request,
          reply,
          () ->
              switches.set(
                  request.caller().uid(),
                  inode,
                  switchKey,
                  value,
                  ExtendedAttributeNames.mode(flags)),
          _ -> reply.done(),
          failure -> refuseSwitch(reply, failure));
      return;
    }
    answers.answer(
        request,
        reply,
        () -> inodes.setExtendedAttribute(inode, name, value, ExtendedAttributeNames.mode(flags)),
        _ -> reply.done());
  }

  void get(Request request, InodeId inode, byte[] name, BytesReply reply) {
    FsError known = ExtendedAttributeNames.knownAnswer(name, inodes.lastKnown(inode));
    if (known != null) {
      reply.error(known);
      return;
    }
    String switchKey = ExtendedAttributeNames.switchKey(name);
    if (switchKey != null) {
      answers.answer(
          request,
          reply,
          () -> switches.get(inode, switchKey),
          reply::bytes,
          failure -> refuseSwitch(reply, failure));
      return;
    }
    answers.answer(request, reply, () -> inodes.getExtendedAttribute(inode, name), reply::bytes);
  }

  void list(Request request, InodeId inode, BytesReply reply) {
    boolean trusted = request.caller().uid() == 0;
    answers.answer(
        request,
        reply,
        () -> inodes.listExtendedAttributes(inode),
        names -> reply.bytes(ExtendedAttributeNames.listing(names, trusted)));
  }

  void remove(Request request, InodeId inode, byte[] name, DoneReply reply) {
    String switchKey = ExtendedAttributeNames.switchKey(name);
    if (switchKey != null) {
      answers.answer(
          request,
          reply,
          () -> switches.remove(request.caller().uid(), inode, switchKey),
          _ -> reply.done(),
          failure -> refuseSwitch(reply, failure));
      return;
    }
    answers.answer(
        request, reply, () -> inodes.removeExtendedAttribute(inode, name), _ -> reply.done());
  }

  /** An error number says little about why a switch is refused, so the log says why. */
  private void refuseSwitch(Reply reply, FsException failure) {
    switch (failure.error()) {
      case NO_ATTRIBUTE, EXISTS, INTERRUPTED -> {}
      default -> failures.warn(failure);
    }
    reply.error(failure.error());
  }
}
