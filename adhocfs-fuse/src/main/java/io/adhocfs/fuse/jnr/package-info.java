/**
 * The fallback driver, if the direct driver cannot run: serves an {@link
 * io.adhocfs.fuse.InodeFileSystem} through libfuse 2 and jnr-fuse. libfuse calls by path, and this
 * driver walks each path, name by name, to its inode.
 *
 * <p>It must never promise more than the basic contract: no rename flags, no interruption, and one
 * thread of libfuse blocked for each request under way.
 */
@NullMarked
package io.adhocfs.fuse.jnr;

import org.jspecify.annotations.NullMarked;
