/**
 * Directories of many entries, on real mounts: what programs see while they are spread over the
 * nodes, and afterwards.
 *
 * <p>Must never look at anything that a program could not see, but for how the nodes share the
 * work.
 */
@NullMarked
package io.adhocfs.it.directories;

import org.jspecify.annotations.NullMarked;
