/**
 * The direct driver: speaks the FUSE kernel protocol (linux/fuse.h) on /dev/fuse, and mounts.
 *
 * <p>It must never touch a mount that its own process serves: a page fault or a system call that
 * waits there can hold up the very thread that would answer it.
 *
 * <p>How to read the code: other packages use {@link io.adhocfs.fuse.kernel.FuseMount}. A {@code
 * Reader} takes requests from the kernel, {@code Opcode} is the table of requests, {@code
 * Operations} decodes them into calls of {@link io.adhocfs.fuse.InodeFileSystem}, a {@code
 * PendingRequest} is a running request and carries its answer back, and {@code Replies} has the
 * form of each kind of answer. {@code Protocol} holds the layouts and flags, {@code LinuxCalls} the
 * system calls.
 */
@NullMarked
package io.adhocfs.fuse.kernel;

import org.jspecify.annotations.NullMarked;
