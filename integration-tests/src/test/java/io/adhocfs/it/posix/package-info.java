/**
 * What programs may expect of a file system, as tests that run on any directory: on a mount of ours
 * and on the host's tmpfs, where each must pass as well.
 *
 * <p>Must never look behind the mount.
 */
@NullMarked
package io.adhocfs.it.posix;

import org.jspecify.annotations.NullMarked;
