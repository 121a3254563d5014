/**
 * The direct driver: speaks the FUSE kernel protocol (linux/fuse.h) on /dev/fuse, and mounts.
 *
 * <p>It must never touch a mount that its own process serves: a page fault or a system call that
 * waits there can hold up the very thread that would answer it.
 *
 * <p>To read it: {@link io.adhocfs.fuse.kernel.FuseMount} is what others use. A {@code Reader}
 * takes requests from the kernel, {@code Opcode} is the table of what each is, {@code Operations}
 * decodes them into calls of {@link io.adhocfs.fuse.InodeFileSystem}, a {@code PendingRequest} is
 * one of them under way and carries the answer back, {@code Replies} says how each kind of answer
 * looks. {@code Protocol} holds the layouts and flags, {@code LinuxCalls} the system calls.
 */
@NullMarked
package io.adhocfs.fuse.kernel;

import org.jspecify.annotations.NullMarked;
