/**
 * The fallback driver: serves an {@link io.adhocfs.fuse.InodeFileSystem} through libfuse 2 by way
 * of jnr-fuse, where the direct driver cannot run. Paths come in and are walked, name by name, to
 * the inode that is meant.
 *
 * <p>It must never promise more than the basic contract: no rename flags, no interruption, and one
 * thread of libfuse blocked for each request under way.
 */
@NullMarked
package io.adhocfs.fuse.jnr;

import org.jspecify.annotations.NullMarked;
