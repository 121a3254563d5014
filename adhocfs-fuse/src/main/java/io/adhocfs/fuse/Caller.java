package io.adhocfs.fuse;

/** The process behind a request, as the kernel names it. */
public record Caller(int uid, int gid, int pid) {}
