package io.adhocfs.daemon.locking;

import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.model.LockKind;
import io.adhocfs.protocol.model.LockOwner;

/** One owner's locks of one kind on one inode: what a record is about. */
record Holder(InodeId inode, LockKind kind, LockOwner owner) {}
