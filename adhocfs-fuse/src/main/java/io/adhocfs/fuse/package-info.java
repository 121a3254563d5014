/**
 * The mount: file-system calls by inode, answered asynchronously, adapted to the client.
 *
 * <p>It must never wait for the network in a thread that reads requests from the kernel.
 */
@NullMarked
package io.adhocfs.fuse;

import org.jspecify.annotations.NullMarked;
