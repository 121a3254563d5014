package io.adhocfs.fuse;

import io.adhocfs.client.Owner;

/** The process behind a request, as the kernel names it. */
public record Caller(int uid, int gid, int pid) {
  /** The owner of the files that the process makes. */
  Owner owner() {
    return new Owner(uid, gid);
  }
}
