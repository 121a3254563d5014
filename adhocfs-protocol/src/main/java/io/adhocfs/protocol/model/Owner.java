package io.adhocfs.protocol.model;

/** The user and the group that an inode belongs to, as unsigned 32-bit numbers. */
public record Owner(int uid, int gid) {}
