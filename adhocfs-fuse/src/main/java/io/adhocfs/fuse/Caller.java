package io.adhocfs.fuse;

import io.adhocfs.protocol.model.Owner;

/** The process behind a request, as the kernel names it. */
public record Caller(int uid, int gid, int pid) {
  /** The owner of the files that the process makes. */
  public Owner owner() {
    return new Owner(uid, gid);
  }
}
