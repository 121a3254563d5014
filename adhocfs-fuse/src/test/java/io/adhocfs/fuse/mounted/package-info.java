/**
 * The drivers on real mounts: a server in a process of its own, this one as the user of its mount.
 *
 * <p>No test may leave a mount or a process behind, however it ends.
 */
@NullMarked
package io.adhocfs.fuse.mounted;

import org.jspecify.annotations.NullMarked;
