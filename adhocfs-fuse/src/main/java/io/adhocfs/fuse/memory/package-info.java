/**
 * A file system in memory: the reference that benchmarks and tests compare with, which shows the
 * drivers at their own speed.
 *
 * <p>An instance must never store anything in it: it knows no other node and keeps nothing.
 */
@NullMarked
package io.adhocfs.fuse.memory;

import org.jspecify.annotations.NullMarked;
